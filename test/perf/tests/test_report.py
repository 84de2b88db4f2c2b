"""Tables, targets and files made from results."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from perf import chart, lifecycle, memory, report, warming
from perf.bench import PLAIN, Failure, Options, Result
from perf.cases import CPU, FIRST_CHUNK, JVM_CPU, P50, P99, RATE, Metric
from perf.figures import Summary
from perf.systems import BARE, MOSEC, OURS, TORCHSERVE
from perf.targets import TARGETS, verdicts
from perf.workloads import all_workloads


def result(
    system: str, *values: float, case: str = "8 connections", metric: Metric = RATE, errors: int = 0
) -> Result:
    summary = Summary.of(values)
    return Result("images1", "Images", case, metric, system, summary, errors)


RESULTS = [
    result(PLAIN, 1200, case=""),
    result(OURS, 900, 1000, 1100),
    result(OURS, 5, metric=P99),
    result("Mosec", 500, errors=3),
    result("Mosec", 20, metric=P99),
]


def rows_of(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_table_has_a_row_per_figure_and_a_column_per_system() -> None:
    head, _, rate, p99 = rows_of(report.tables(RESULTS))
    assert head == ["", OURS, "Mosec", PLAIN, "ratio to Mosec", f"ratio to {PLAIN}"]
    assert rate == [
        "8 connections, requests/s",
        "1,000 (900 to 1,100)",
        "500 **3 errors**",
        "1,200",
        "2.00 x",
        "0.833 x",
    ]
    # Lower is better here, and a plain loop has no such figure.
    assert p99[1:] == ["5.00", "20.0", "-", "4.00 x", "-"]


def test_targets_are_judged_by_medians_and_only_where_measured() -> None:
    found = {verdict.text: verdict for verdict in verdicts(RESULTS)}
    (verdict,) = found.values()
    assert verdict.text == "images1, 8 connections, requests/s: against Mosec"
    assert (verdict.wanted, verdict.measured, verdict.met) == ("1.1 x", "2.00 x", True)


def test_a_missed_target_is_told() -> None:
    results = [result(OURS, 110, metric=CPU), result(BARE, 80, metric=CPU)]
    (verdict,) = verdicts(results)
    assert (verdict.wanted, verdict.measured, verdict.met) == ("0.909 x", "0.73 x", False)


@pytest.mark.parametrize(
    ("workload", "case", "metric", "other", "most"),
    [
        ("noop", "1 connection", P99, MOSEC, 100),
        ("stream", "100 chunks, 1 connection", FIRST_CHUNK, TORCHSERVE, 10),
        ("stream", "100 chunks, 8 connections", FIRST_CHUNK, TORCHSERVE, 10),
        ("paced", "100 requests a second", P50, MOSEC, 100),
        ("paced", "100 requests a second", P99, MOSEC, 100),
        ("imageclassifier1", "8 connections", CPU, BARE, 110),
    ],
)
def test_what_ours_may_take_is_judged_by_what_the_other_system_took(
    workload: str, case: str, metric: Metric, other: str, most: float
) -> None:
    def verdict(ours: float) -> bool:
        (found,) = verdicts(
            [
                Result(workload, "", case, metric, system, Summary.of([value]))
                for system, value in ((OURS, ours), (other, 100.0))
            ]
        )
        return found.met

    assert verdict(0.99 * most)
    assert not verdict(1.01 * most)


def test_targets_and_the_chart_ask_for_figures_that_are_measured() -> None:
    measured = {
        (workload.name, case.label, metric)
        for workload in all_workloads()
        for case in workload.cases()
        for metric in (CPU, *case.metrics)
    }
    systems = {workload.name: workload.systems for workload in all_workloads()}
    lives = [life.name for life in lifecycle.LIVES]
    compared = [each for each in TARGETS if each.workload not in lives]
    wanted = {(each.workload, each.case, each.metric) for each in compared}
    drawn = {(name, case, metric) for name, case, _, metrics in chart.ROWS for metric in metrics}
    assert (wanted | drawn) - measured == set()
    for target in compared:
        assert not systems[target.workload] or target.other in systems[target.workload]
    assert ("imageclassifier1", "8 connections", CPU) in drawn


def test_the_start_is_judged_by_the_time_to_import_what_the_handler_imports() -> None:
    def start(system: str, seconds: float) -> Result:
        summary = Summary.of([seconds])
        return Result(lifecycle.NAME, "", "", lifecycle.START, system, summary)

    (verdict,) = verdicts([start(OURS, 3.0), start(lifecycle.IMPORTS, 1.4)])
    assert (verdict.wanted, verdict.measured, verdict.met) == ("2.4 s", "3 s", False)


def test_the_first_seconds_are_judged_by_what_comes_after_them() -> None:
    def first_and_settled(first: float) -> list[Result]:
        values = {warming.FIRST: first, warming.SETTLED: 100.0}
        return [
            Result(warming.NAME, "", "", metric, OURS, Summary.of([value]))
            for metric, value in values.items()
        ]

    assert [each.met for each in verdicts(first_and_settled(149))] == [True]
    (missed,) = verdicts(first_and_settled(160))
    assert (missed.wanted, missed.measured, missed.met) == ("1.5 x", "1.60 x", False)


def test_the_java_process_has_a_limit_of_its_own_at_a_paced_rate() -> None:
    summary = Summary.of([900.0])
    (verdict,) = verdicts([Result("paced", "", "100 requests a second", JVM_CPU, OURS, summary)])
    assert (verdict.wanted, verdict.measured, verdict.met) == ("150 µs", "900 µs", False)


def test_the_chart_has_a_row_for_a_case_and_a_panel_for_each_question() -> None:
    ((label, row),) = chart.panels(RESULTS)
    assert label == "images, torchvision\n8 connections"
    cpu, rate, p99 = (list(panel.bars) for panel in row)
    assert cpu == []
    assert rate == [OURS, "Mosec"]
    assert p99 == [OURS, "Mosec"]


@pytest.fixture
def run() -> report.Run:
    failures = [Failure("stream", "LitServe", "TimeoutError: no answer")]
    return report.Run(
        machine={"processor": "A processor", "cores": "2", "system": "Linux"},
        versions={"Mosec": "0.9.8"},
        commit="abc1234",
        date="2026-01-01 00:00 UTC",
        took_sec=90,
        options=Options(3, 3),
        results=RESULTS,
        failures=failures,
    )


def test_the_report_says_how_and_where_and_what_is_missing(run: report.Run) -> None:
    text = report.markdown(run)
    assert "Medians of 3 measurements of 3 s each" in text
    assert "`abc1234`" in text
    assert "| cores | 2 |" in text
    assert "- stream: LitServe: TimeoutError: no answer" in text


def test_json_holds_every_single_value(run: report.Run) -> None:
    read = json.loads(json.dumps(report.to_json(run)))
    assert read["results"][1]["summary"]["values"] == [900, 1000, 1100]
    assert read["options"] == {"seconds": 3, "rounds": 3, "quick": False}


def test_the_page_keeps_what_stands_around_the_figures(run: report.Run, tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{report.MARKS[0]}\nold\n{report.MARKS[1]}\nafter\n")
    # Nothing that a chart shows.
    report.write_docs(dataclasses.replace(run, results=[]), tmp_path)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{report.MARKS[1]}\nafter\n")
    assert "old" not in text
    assert "`abc1234`" in text


def test_a_page_without_marks_is_left_alone(run: report.Run, tmp_path: Path) -> None:
    (tmp_path / "performance.md").write_text("mine")
    with pytest.raises(ValueError, match="results:start"):
        report.write_docs(run, tmp_path)
    assert (tmp_path / "performance.md").read_text() == "mine"


def test_the_page_in_the_repository_has_the_marks() -> None:
    text = (Path(__file__).parents[3] / "docs" / "performance.md").read_text(encoding="utf-8")
    assert 0 < text.index(report.MARKS[0]) < text.index(report.MARKS[1])


def test_memory_is_the_proportional_share() -> None:
    text = "00400000-7ffe r--p 0 00:00 0 [rollup]\nRss:  2000 kB\nPss:  1000 kB\nPss_Dirty: 7 kB\n"
    assert memory.parse_pss_kb(text) == 1024
    with pytest.raises(ValueError, match="no line Pss"):
        memory.parse_pss_kb("Rss: 1 kB")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/PID/smaps_rollup")
def test_process_that_ended_meanwhile_has_no_share_of_memory() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    gone = psutil.Process(ended.pid)
    ended.wait()
    ((_, share),) = memory.shares_of([gone, psutil.Process()])
    assert share > 1
