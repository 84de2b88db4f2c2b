"""Metrics as a scraper and an operator see them: what was sent is what is counted."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from conftest import MODELS
from grpc_api import Api
from prometheus_client.parser import text_string_to_metric_families
from torchserve_process import REPOSITORY, TorchServe, free_ports, wait_for

TYPE = "text/plain; version=0.0.4; charset=utf-8"
DEFAULTS = REPOSITORY / "ts-python/src/ts/configs/metrics.yaml"
KEYS = REPOSITORY / "frontend/transport/src/test/resources/org/tsnext/transport/tls"
KEY = "inference-secret-0123456789"
NOISY = """
def handle(data, context):
    if data is None:
        return None
    context.metrics.add_counter("Undeclared", 1)
    return ["ok" for _ in data]
"""

Page = dict[tuple[str, frozenset[tuple[str, str]]], float]


def page(address: str, query: str = "", **arguments: Any) -> Page:
    """Every sample of a page by its name and labels, read by the parser of Prometheus' client."""
    answer = requests.get(f"{address}/metrics?{query}", timeout=30, **arguments)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == TYPE
    samples: Page = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            # The parser calls every counter *_total, as OpenMetrics does.
            as_written = sample.name in answer.text
            name = sample.name if as_written else sample.name.removesuffix("_total")
            key = (name, frozenset(sample.labels.items()))
            assert key not in samples, f"twice: {sample}"
            samples[key] = sample.value
    return samples


def value(samples: Page, name: str, **labels: str) -> float:
    """The one sample with that name and those labels among its labels; 0 if there is none."""
    found = [
        number
        for (sample, all_labels), number in samples.items()
        if sample == name and labels.items() <= dict(all_labels).items()
    ]
    assert len(found) <= 1, f"{name} {labels}: {found}"
    return found[0] if found else 0.0


def code_blocks(language: str) -> list[str]:
    """The code of docs/metrics.md in a language."""
    text = (REPOSITORY / "docs/metrics.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def documented_config(folder: Path) -> Path:
    """A metrics file as docs/metrics.md describes it: that of the package, and its examples."""
    declared = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))
    for block in code_blocks("yaml"):
        for section, types in yaml.safe_load(block).items():
            if section in ("ts_metrics", "model_metrics"):
                for kind, metrics in types.items():
                    declared[section].setdefault(kind, []).extend(metrics)
    file = folder / "metrics.yaml"
    file.write_text(yaml.safe_dump(declared), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def measured(
    tmp_path_factory: pytest.TempPathFactory, digits_archive: Path
) -> Iterator[TorchServe]:
    """One server in the default mode, with digits, a failing model and the handler of the docs."""
    folder = tmp_path_factory.mktemp("metrics")
    server = TorchServe(
        folder / "server",
        config={"metrics_config": str(documented_config(folder))},
        torch=True,
    )
    shutil.copy(digits_archive, server.store.path)
    server.store.add_directory(MODELS / "commands")
    (handler,) = code_blocks("python")
    imports = "from ts.metrics.metric_type_enum import MetricTypes\n\n\n"
    server.store.write_handler("documented", imports + handler)
    server.store.write_handler("noisy", NOISY)
    server.start("digits.mar", "commands", "documented", "noisy")
    for model in ("digits", "commands", "documented", "noisy"):
        server.wait_ready(model)
    yield server
    server.stop()
    server.assert_nothing_left()


def test_counters_rise_by_what_was_sent(measured: TorchServe, seven: bytes) -> None:
    before = page(measured.metrics)
    url = f"{measured.inference}/predictions/digits"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: requests.post(url, data=seven, timeout=60), range(20)))
        answers += pool.map(lambda _: requests.post(f"{url}/1.0", data=seven, timeout=60), range(7))
    assert {answer.status_code for answer in answers} == {200}
    after = page(measured.metrics)

    def rise(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    of_digits = {"model_name": "digits"}
    for name, unit in (
        ("ts_inference_requests_total", 1),
        ("ts_inference_latency_microseconds", None),
        ("ts_queue_latency_microseconds", None),
    ):
        for version, count in (("default", 20), ("1.0", 7)):
            rose = rise(name, **of_digits, model_version=version)
            assert rose == count if unit else 0 < rose < 60e6 * count, name
    exact = {**of_digits, "model_version": "1.0"}
    assert rise("ts_requests_total", **exact, protocol="http", outcome="success") == 27
    assert rise("ts_requests_total", **exact, protocol="http", outcome="server_error") == 0
    # The first page itself, and the answers; but not the second page, which was being written.
    assert rise("Requests2XX", Level="Host") == 28
    for name, labels, count in (
        ("ts_request_latency_seconds", {**exact, "protocol": "http"}, 27),
        ("ts_queue_time_seconds", {**exact, "protocol": "http"}, 27),
        ("ts_worker_time_seconds", exact, 27),
    ):
        assert rise(f"{name}_count", **labels) == count
        assert rise(f"{name}_bucket", **labels, le="+Inf") == count
        assert 0 <= rise(f"{name}_sum", **labels) < 60 * count
    assert value(after, "ts_ready_workers", **exact) == 1
    assert value(after, "ts_queue_length", **exact) == 0
    wait_for(
        lambda: value(page(measured.metrics), "PredictionTime", ModelName="digits") > 0,
        "the time of a prediction",
    )


def test_requests_over_grpc_count_under_their_protocol(measured: TorchServe, seven: bytes) -> None:
    before = page(measured.metrics)
    api = Api(measured.grpc_inference_port, "inference", "InferenceAPIsService")
    try:
        for version in ("", "1.0", "1.0"):
            api.Predictions(model_name="digits", model_version=version, input={"data": seven})
    finally:
        api.close()
    after = page(measured.metrics)

    def rise(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    of_digits = {"model_name": "digits"}
    for version, count in (("default", 1), ("1.0", 2)):
        name = "ts_inference_requests_total"
        assert rise(name, **of_digits, model_version=version) == count
    over_grpc = {**of_digits, "protocol": "grpc"}
    assert rise("ts_requests_total", **over_grpc, outcome="success") == 3
    assert rise("ts_request_latency_seconds_count", **over_grpc) == 3
    assert rise("ts_requests_total", **of_digits, protocol="http", outcome="success") == 0


def test_failures_are_counted_by_their_kind(measured: TorchServe) -> None:
    before = page(measured.metrics)
    assert measured.order("status", code=418).status_code in (418, 500, 503)
    failed = measured.order("raise").status_code
    assert failed >= 500
    for path in ("/predictions/nothing", "/nowhere/at/all"):
        assert requests.post(measured.inference + path, timeout=30).status_code == 404
    after = page(measured.metrics)
    assert value(after, "Requests4XX") - value(before, "Requests4XX") >= 2
    assert value(after, "Requests5XX") - value(before, "Requests5XX") >= 1
    failures = {"model_name": "commands", "protocol": "http", "outcome": "server_error"}
    assert value(after, "ts_requests_total", **failures) > value(
        before, "ts_requests_total", **failures
    )
    assert not [key for key in after if dict(key[1]).get("model_name") == "nothing"]


def test_every_histogram_is_consistent(measured: TorchServe, seven: bytes) -> None:
    assert measured.predict("digits", data=seven).ok
    samples = page(measured.metrics)
    buckets: dict[tuple[str, frozenset[tuple[str, str]]], list[tuple[float, float]]] = {}
    for (name, labels), number in samples.items():
        if name.endswith("_bucket"):
            rest = frozenset(label for label in labels if label[0] != "le")
            bound = float(dict(labels)["le"])
            buckets.setdefault((name.removesuffix("_bucket"), rest), []).append((bound, number))
    assert len(buckets) >= 3
    for (name, labels), counts in buckets.items():
        counts.sort()
        numbers = [number for _, number in counts]
        assert numbers == sorted(numbers), name
        assert counts[-1] == (float("inf"), samples[(f"{name}_count", labels)])
        assert (f"{name}_sum", labels) in samples
    bounds = {
        float(dict(labels)["le"])
        for name, labels in samples
        if name == "ts_request_latency_seconds_bucket"
    }
    assert bounds == {0.01, 0.1, 1.0, 10.0, float("inf")}, "as the metrics file says"


def test_declared_metrics_without_values_have_help_and_type(measured: TorchServe) -> None:
    text = requests.get(f"{measured.metrics}/metrics", timeout=30).text
    for name, unit in (("GPUUtilization", "Percent"), ("Requests2XX", "Count")):
        kind = "counter" if name == "Requests2XX" else "gauge"
        assert (
            f"# HELP {name} Torchserve prometheus {kind} metric with unit: {unit}\n"
            f"# TYPE {name} {kind}\n"
        ) in text
    assert re.search(r'^Requests2XX\{Level="Host",Hostname="[^"]+",\} \d+\.0$', text, re.M)


def test_filter(measured: TorchServe) -> None:
    for query in ("name[]=Requests2XX&name[]=Requests4XX", "name%5B%5D=Requests2XX"):
        samples = page(measured.metrics, query)
        assert {name for name, _ in samples} <= {"Requests2XX", "Requests4XX"}
        assert value(samples, "Requests2XX") > 0
    nothing = requests.get(f"{measured.metrics}/metrics?name[]=nothing", timeout=30)
    assert (nothing.status_code, nothing.text) == (200, "")


def test_handler_of_the_document(measured: TorchServe) -> None:
    for text, headers in (
        ("to be", {"Content-Type": "text/plain"}),
        ("or not to be", {"Content-Type": "application/octet-stream"}),
        ("x" * 500, {}),
    ):
        answer = measured.predict("documented", data=text, headers=headers)
        assert answer.text == str(len(text))
    samples = wait_for(
        lambda: (
            value(found := page(measured.metrics), "InputLength_count", ModelName="documented") == 3
            and found
        ),
        "three lengths of inputs",
    )
    assert value(samples, "Words", ModelName="documented", Level="Model") == 7
    assert value(samples, "Longest", ModelName="documented") == 500
    assert value(samples, "InputLength_bucket", ModelName="documented", le="10.0") == 1
    assert value(samples, "InputLength_bucket", ModelName="documented", le="100.0") == 2
    assert value(samples, "InputLength_sum", ModelName="documented") == 517
    measured.wait_log(
        "model_metrics.log", r"Words\.Count:2\.0\|#ModelName:documented,Level:Model\|"
    )


def test_undeclared_metric_is_left_out_and_said_once(measured: TorchServe) -> None:
    for _ in range(3):
        assert measured.predict("noisy", data="x").ok
    line = r"Metric Undeclared of type counter is left out: metrics_config does not declare it"
    measured.wait_log("ts_log.log", line)
    assert measured.predict("noisy", data="x").ok
    assert len(re.findall(line, measured.log("ts_log.log"))) == 1
    assert "Undeclared" not in requests.get(f"{measured.metrics}/metrics", timeout=30).text
    assert "Undeclared" not in measured.log("model_metrics.log")


def test_log_mode_keeps_the_lines_of_torchserve(measured: TorchServe, seven: bytes) -> None:
    assert measured.predict("digits", data=seven).ok
    for line in (
        r"Requests2XX\.Count:\d+\.0\|#Level:Host\|#hostname:[^,]+,timestamp:\d+$",
        r"ts_inference_requests_total\.Count:\d+\.0"
        r"\|#model_name:digits,model_version:default\|#hostname:[^,]+,timestamp:\d+$",
        r"QueueTime\.Milliseconds:\d+\.0\|#Level:Host\|#hostname:",
        r"WorkerLoadTime\.Milliseconds:\d+\.0\|#WorkerName:W-9\d+-digits_1\.0,Level:Host\|#hostname:",
    ):
        measured.wait_log("ts_metrics.log", line)
    assert "ts_request_latency_seconds" not in measured.log("ts_metrics.log")

    def logged() -> float:
        lines = re.findall(
            r"ts_inference_requests_total\.Count:([\d.]+)\|#model_name:digits,",
            measured.log("ts_metrics.log"),
        )
        return sum(map(float, lines))

    def counted() -> float:
        return sum(
            number
            for (name, labels), number in page(measured.metrics).items()
            if name == "ts_inference_requests_total" and dict(labels)["model_name"] == "digits"
        )

    wait_for(lambda: logged() == counted(), "the sum of the lines to be the counter")


def test_metrics_survive_a_worker_and_its_load_time_is_its_own(
    measured: TorchServe, seven: bytes
) -> None:
    assert measured.predict("digits", data=seven).ok
    before = page(measured.metrics)
    old = measured.worker_pids("digits")
    os.kill(old[0], signal.SIGKILL)
    measured.wait_new_worker("digits", old)
    assert measured.predict("digits", data=seven).ok
    after = page(measured.metrics)
    sent = {"model_name": "digits", "model_version": "default"}
    name = "ts_inference_requests_total"
    assert value(after, name, **sent) == value(before, name, **sent) + 1
    loads = [number for (name, labels), number in after.items() if name == "WorkerLoadTime"]
    assert loads
    assert max(loads) < 120_000
    assert value(after, "ts_ready_workers", model_name="digits") == 1


def test_series_end_with_their_version(measured: TorchServe) -> None:
    measured.store.write_handler("passing", NOISY)
    url = f"{measured.management}/models"
    registered = requests.post(f"{url}?url=passing&initial_workers=1", timeout=60)
    assert registered.ok, registered.text
    assert measured.predict("passing", data="x").ok
    passing = {"model_name": "passing"}
    assert value(page(measured.metrics), "ts_ready_workers", **passing) == 1
    assert requests.delete(f"{url}/passing", timeout=60).ok
    samples = page(measured.metrics)
    assert {
        (name, number)
        for (name, labels), number in samples.items()
        if dict(labels).get("model_name") == "passing"
        and dict(labels)["model_version"] == "default"
    } >= {("ts_inference_requests_total", 1.0)}
    assert not [
        name
        for name, labels in samples
        if dict(labels).get("model_name") == "passing" and "hostname" not in dict(labels)
    ]


def test_other_paths_of_the_listener(measured: TorchServe) -> None:
    for path in ("/ping", "/models", "/predictions/digits"):
        assert requests.get(measured.metrics + path, timeout=30).status_code == 404
    assert requests.get(measured.metrics, timeout=30).status_code == 405
    document = requests.options(measured.metrics, timeout=30).json()
    assert document["paths"]["/metrics"]["get"]["operationId"] == "metrics"


def test_prometheus_mode_behind_tls_and_tokens_beside_a_combined_listener(
    start: Callable[..., TorchServe],
) -> None:
    one, scraped = free_ports(2)
    address = f"http://127.0.0.1:{one}"
    scraper = f"https://127.0.0.1:{scraped}"
    server = start(
        config={
            "inference_address": address,
            "management_address": address,
            "metrics_address": scraper,
            "private_key_file": str(KEYS / "rsa-pkcs1.pem"),
            "certificate_file": str(KEYS / "rsa.crt"),
            "metrics_mode": "Prometheus",
            "model_metrics_auto_detect": "true",
            "token_free_routes": "probes",
            "inference_token": KEY,
            "management_token": f"management-{KEY}",
        },
        options=("--enable-model-api",),
    )
    server.store.write_handler("noisy", NOISY)
    managing = {"Authorization": f"Bearer management-{KEY}"}
    asking = {"Authorization": f"Bearer {KEY}"}
    registered = requests.post(
        f"{address}/models?url=noisy&initial_workers=1", headers=managing, timeout=60
    )
    assert registered.ok, registered.text
    answer = requests.post(f"{address}/predictions/noisy", data="x", headers=asking, timeout=60)
    assert answer.text == "ok"
    certificate = str(KEYS / "rsa.crt")
    for place in (address, scraper):
        refused = requests.get(f"{place}/metrics", timeout=30, verify=certificate)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        for headers in (asking, managing):
            samples = page(place, headers=headers, verify=certificate)
            assert value(samples, "ts_inference_requests_total", model_version="default") == 1
    wait_for(
        lambda: value(page(scraper, headers=asking, verify=certificate), "Undeclared") == 1,
        "an undeclared metric",
    )
    # At its end the server writes what it still has to write.
    server.stop()
    assert server.log("ts_metrics.log") == ""
    assert server.log("model_metrics.log") == ""


def test_listener_that_is_off_is_closed(start: Callable[..., TorchServe]) -> None:
    server = start(config={"enable_metrics_api": "false"})
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{server.metrics}/metrics", timeout=30)
    assert requests.get(f"{server.inference}/metrics", timeout=30).status_code == 404


def test_unix_socket(start: Callable[..., TorchServe], tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    start(config={"metrics_address": f"unix:{path}"})
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := client.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"# TYPE Requests2XX counter\n" in answer
