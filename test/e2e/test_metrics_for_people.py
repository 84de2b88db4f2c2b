"""The dashboard, the alert rules and the OpenMetrics page, against a real server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from torchserve_process import REPOSITORY, TorchServe, wait_for

DASHBOARD = REPOSITORY / "deploy/grafana/torchserve.json"
RULES = REPOSITORY / "deploy/prometheus/torchserve.rules.yaml"
RULE_TESTS = REPOSITORY / "deploy/prometheus/torchserve.rules.test.yaml"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
OF_PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMQL_WORDS = {
    *("sum", "by", "le", "rate", "increase", "histogram_quantile", "clamp_min", "and", "for"),
    *("label_values", "job", "up"),
}
GPU_METRICS = {"GPUUtilization"}
"""Shown where there is a GPU; declared, so that the page has their names."""

HANDLER = """
import time

def handle(data, context):
    if data is None:
        return None
    body = bytes(data[0].get("body") or data[0].get("data"))
    if body == b"slow":
        time.sleep(1.5)
    return ["ok" for _ in data]
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    server = TorchServe(tmp_path_factory.mktemp("measured"))
    server.store.write_handler("one", HANDLER, "clientTimeoutInMills: 1000\n")
    server.start("one")
    server.wait_ready("one")
    # The last of the machine's metrics: it takes two looks.
    wait_for(lambda: "CPUUtilization{" in page(server).text, "the use of the processors")
    yield server
    server.stop()
    server.assert_nothing_left()


def page(server: TorchServe, accept: str = "text/plain", query: str = "") -> requests.Response:
    answer = requests.get(
        f"{server.metrics}/metrics?{query}", headers={"accept": accept}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return answer


def names_of(page_text: str) -> set[str]:
    """The names of samples, also of metrics that have none yet."""
    names = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", page_text, re.MULTILINE):
        names |= (
            {f"{name}_bucket", f"{name}_count", f"{name}_sum"} if kind == "histogram" else {name}
        )
    return names


def asked_names(expression: str) -> set[str]:
    """The metrics that an expression of PromQL asks for."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\bby\s*\([^)]*\)", "", bare)
    bare = re.sub(r"\{[^}]*\}", "", bare)
    bare = re.sub(r"\[[^\]]*\]", "", bare)
    bare = re.sub(r"label_values\((.*), \w+\)", r"\1", bare)
    return {word for word in re.findall(r"[a-zA-Z_:][\w:]*", bare) if word not in PROMQL_WORDS}


def expressions(value: Any) -> list[str]:
    """Every expression in a dashboard."""
    if isinstance(value, dict):
        own = [value[key] for key in ("expr", "definition") if isinstance(value.get(key), str)]
        return own + [each for inner in value.values() for each in expressions(inner)]
    if isinstance(value, list):
        return [each for inner in value for each in expressions(inner)]
    return []


def test_dashboard_asks_for_metrics_that_the_server_has(measured: TorchServe) -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = {name for each in expressions(dashboard) for name in asked_names(each)}
    assert len(asked) > 15
    assert asked - names_of(page(measured).text) == set()
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))


def test_dashboard_shows_every_metric_of_ours(measured: TorchServe) -> None:
    text = DASHBOARD.read_text(encoding="utf-8")
    # Those of handlers are of models of a kind.
    ours = re.findall(r"^# TYPE (ts_(?!handler_)\w+) ", page(measured).text, re.MULTILINE)
    of_012 = {
        "ts_inference_requests_total",
        "ts_inference_latency_microseconds",
        "ts_queue_latency_microseconds",
    }
    assert [name for name in ours if name not in of_012 and name not in text] == []


def test_alert_rules_ask_for_metrics_that_the_server_has(measured: TorchServe) -> None:
    rules = [
        rule
        for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]
    asked = {name for rule in rules for name in asked_names(rule["expr"])}
    assert asked - names_of(page(measured).text) == set()
    documented = (REPOSITORY / "docs/metrics.md").read_text(encoding="utf-8")
    assert [rule["alert"] for rule in rules if rule["alert"] not in documented] == []


OF_THE_SCRAPE = {"instance", "job"}
"""Labels that Prometheus adds."""


def labels_by_name(server: TorchServe) -> dict[str, set[str]]:
    """The labels of each sample of a scrape; of metrics that have none yet, as documented."""
    labels: dict[str, set[str]] = {}
    table = (REPOSITORY / "docs/metrics.md").read_text(encoding="utf-8")
    for name, kind, named in re.findall(
        r"^\| `(\w+)` \| (\w+) \| \w+ \| ([^|]*) \|", table, re.MULTILINE
    ):
        for sample in (f"{name}_bucket", f"{name}_count", f"{name}_sum", name):
            labels[sample] = set(re.findall(r"`(\w+)`", named))
        if kind == "histogram":
            labels[f"{name}_bucket"].add("le")
    for family in text_string_to_metric_families(page(server, OPEN_METRICS).text):
        for sample in family.samples:
            if sample.name.startswith("ts_") and sample.name in labels:
                assert set(sample.labels) == labels[sample.name], sample
            labels[sample.name] = set(sample.labels)
    labels["up"] = set()
    return {name: of | OF_THE_SCRAPE for name, of in labels.items()}


def labels_of_result(expression: str, labels: dict[str, set[str]]) -> set[str]:
    """The labels that are left of an expression; checks those that it asks for on the way."""
    for name, selector in re.findall(r"([a-zA-Z_]\w*)\{([^}]*)\}", expression):
        asked = set(re.findall(r"(\w+)\s*[!=]=?~?\s*\"", selector))
        assert asked <= labels[name], (expression, asked - labels[name])
    of_all = set.union(*(labels[name] for name in asked_names(expression) or {"up"}))
    groups = re.findall(r"\bby\s*\(([^)]*)\)", expression)
    if not groups:
        return set() if expression.startswith("sum(") else of_all
    kept = [set(re.findall(r"\w+", group)) for group in groups]
    assert set.union(*kept) <= of_all, (expression, kept)
    return set.union(*kept)


def test_dashboard_and_alerts_ask_for_labels_that_samples_have(measured: TorchServe) -> None:
    url = f"{measured.inference}/predictions/one"
    assert requests.post(url, data=b"x", timeout=60).ok
    assert requests.post(url, data=b"slow", timeout=60).status_code == 504
    labels = labels_by_name(measured)
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    targets = [each for panel in dashboard["panels"] for each in panel.get("targets", [])]
    assert len(targets) > 20
    for target in targets:
        shown = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target.get("legendFormat", "")))
        assert shown <= labels_of_result(target["expr"], labels), target
    for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]:
        for rule in group["rules"]:
            shown = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
            assert shown <= labels_of_result(rule["expr"], labels), rule


def test_outcomes_that_dashboard_and_alerts_select_are_counted(measured: TorchServe) -> None:
    texts = DASHBOARD.read_text(encoding="utf-8") + RULES.read_text(encoding="utf-8")
    selected = set(re.findall(r'outcome=\\?"(\w+)', texts))
    assert selected
    counted = set(re.findall(r'^ts_requests_total\{.*outcome="(\w+)"', page(measured).text, re.M))
    assert selected <= counted


def promtool(*words: str, **arguments: Any) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    return subprocess.run(
        [tool, *words], capture_output=True, text=True, timeout=120, check=False, **arguments
    )


def test_alert_rules_fire_when_they_should() -> None:
    checked = promtool("check", "rules", str(RULES))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tested = promtool("test", "rules", str(RULE_TESTS))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_promtool_reads_the_text_format(measured: TorchServe) -> None:
    checked = promtool("check", "metrics", input=page(measured).text)
    problems = checked.stdout + checked.stderr
    assert "error while linting" not in problems, problems
    # What it has against names is against those of TorchServe 0.12.
    ours = [line for line in problems.splitlines() if line.startswith("ts_")]
    assert [line for line in ours if not re.match(r"ts_(inference|queue)_\w+", line)] == []


@pytest.mark.parametrize("accept", [OPEN_METRICS, OF_PROMETHEUS, "application/openmetrics-text"])
def test_open_metrics_is_what_a_scraper_prefers(measured: TorchServe, accept: str) -> None:
    requests.post(f"{measured.inference}/predictions/one", data=b"x", timeout=60)
    answer = page(measured, accept)
    assert answer.headers["content-type"] == OPEN_METRICS
    assert answer.headers["vary"] == "accept"
    assert answer.text.endswith("# EOF\n")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert families["ts_requests"].type == "counter"
    latency = families["ts_request_latency_seconds"]
    assert (latency.type, latency.unit) == ("histogram", "seconds")
    # The names of samples are those of the text format, those of TorchServe 0.12 included.
    written = {
        line.split("{")[0].split(" ")[0] for line in answer.text.splitlines() if line[0] != "#"
    }
    assert {"Requests2XX", "ts_inference_requests_total", "ts_requests_total"} <= written
    text = page(measured).text
    of_text = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line[0] != "#"}
    assert written == of_text


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "",
        "text/plain;q=0.9,application/openmetrics-text;q=0.1",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;version=9.9.9",
        "application/openmetrics-text;q=0.5,*/*",
        "application/openmetrics-text;q=0.5,text/*;q=0.9,*/*;q=0.1",
    ],
)
def test_text_format_is_what_others_get(measured: TorchServe, accept: str) -> None:
    answer = page(measured, accept)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "# EOF" not in answer.text


def test_filter_works_for_open_metrics(measured: TorchServe) -> None:
    answer = page(measured, OPEN_METRICS, "name[]=ts_queue_length&name[]=ts_requests_total")
    names = [family.name for family in text_string_to_metric_families(answer.text)]
    assert sorted(names) == ["ts_queue_length", "ts_requests"]


def value(server: TorchServe, name: str, **labels: str) -> float:
    """The one sample with that name and those labels."""
    found = [
        sample.value
        for family in text_string_to_metric_families(page(server, OPEN_METRICS).text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert len(found) == 1, (name, labels, found)
    return float(found[0])


def test_causes_of_restarts_are_there_from_the_start(measured: TorchServe) -> None:
    text = page(measured).text
    causes = re.findall(
        r'^ts_worker_restarts_total\{model_name="one",model_version="1.0",cause="(\w+)",\} (\S+)$',
        text,
        re.MULTILINE,
    )
    assert {number for _, number in causes} == {"0.0"}
    assert {cause for cause, _ in causes} == {
        *("crashed", "killed", "load_failed", "out_of_memory", "startup_timeout"),
        *("response_timeout", "unresponsive", "failing", "unusable", "not_started"),
    }


def test_requests_that_expire_or_are_cancelled_count_by_stage(measured: TorchServe) -> None:
    one = {"model_name": "one", "protocol": "http"}
    url = f"{measured.inference}/predictions/one"
    before = value(measured, "ts_requests_expired_total", **one, stage="worker")
    assert requests.post(url, data=b"slow", timeout=60).status_code == 504
    assert value(measured, "ts_requests_expired_total", **one, stage="worker") == before + 1
    cancelled = value(measured, "ts_requests_cancelled_total", **one, stage="worker")
    waiting = value(measured, "ts_requests_cancelled_total", **one, stage="queue")
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.post(url, data=b"slow", timeout=(10, 0.3))
    wait_for(
        lambda: (
            value(measured, "ts_requests_cancelled_total", **one, stage="worker")
            + value(measured, "ts_requests_cancelled_total", **one, stage="queue")
            == cancelled + waiting + 1
        ),
        "the cancelled request to be counted",
    )
    # Its handler may still run.
    wait_for(lambda: requests.post(url, data=b"x", timeout=60).ok, "an answer to others again")


def test_batches_count_by_size(measured: TorchServe) -> None:
    before = value(measured, "ts_batch_size_count", model_name="one")
    assert requests.post(f"{measured.inference}/predictions/one", data=b"x", timeout=60).ok
    assert value(measured, "ts_batch_size_count", model_name="one") >= before + 1
    ones = value(measured, "ts_batch_size_bucket", model_name="one", le="1.0")
    assert ones == value(measured, "ts_batch_size_count", model_name="one")
