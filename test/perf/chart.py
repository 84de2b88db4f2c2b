"""Draws the figures: a row for each case, a column for each question, bars from zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perf.bench import PLAIN, Result
from perf.cases import CHUNK_RATE, CPU, FIRST_CHUNK, P99, RATE, Metric
from perf.figures import Summary, shown
from perf.systems import BARE, MOSEC, OURS, PEERS, TORCHSERVE

# A row: workload, case, what it is called, and the metrics of the three columns.
USUAL = (CPU, RATE, P99)
ROWS = (
    ("noop", "1 connection", "no-op\n1 connection", USUAL),
    ("noop", "8 connections", "no-op\n8 connections", USUAL),
    ("noop", "64 connections", "no-op\n64 connections", USUAL),
    ("images1", "8 connections", "images, torchvision\n8 connections", USUAL),
    ("images8", "64 connections", "images, batch size 8\n64 connections", USUAL),
    ("imageclassifier1", "8 connections", "image_classifier\n8 connections", USUAL),
    ("texts1", "8 connections", "texts, transformers\n8 connections", USUAL),
    ("embeddings16", "32 connections", "embeddings, batch 16\n32 connections", USUAL),
    ("bodies", "1 MB in and out, 4 connections", "1 MB in and out\n4 connections", USUAL),
    (
        "stream",
        "100 chunks, 1 connection",
        "100 chunks\n1 connection",
        (CPU, CHUNK_RATE, FIRST_CHUNK),
    ),
)
COLUMNS = (
    "CPU µs a request, all processes\nless is better",
    "requests (streams: chunks) a second\nmore is better",
    "99 of 100 within, ms; less is\nbetter (streams: first chunk)",
)
SYSTEMS = (OURS, *PEERS, BARE, PLAIN)
# Told apart by colour-blind readers too (Okabe and Ito).
COLORS = ("#d55e00", "#0072b2", "#56b4e9", "#009e73", "#999999", "#cccccc")
SHORT = {OURS: "Next", MOSEC: "Mosec", TORCHSERVE: "TorchServe", BARE: "bare", PLAIN: "loop"}


@dataclass(frozen=True)
class Panel:
    """The bars of one case and one metric, by system."""

    bars: dict[str, Summary]


def panels(results: Sequence[Result]) -> list[tuple[str, list[Panel]]]:
    """Return the rows that have figures, each with a panel for each column."""
    rows = []
    for workload, case, label, metrics in ROWS:
        row = [Panel(_bars(results, workload, case, metric)) for metric in metrics]
        if any(panel.bars for panel in row):
            rows.append((label, row))
    return rows


def draw(results: Sequence[Result], caption: str, path: Path) -> bool:
    """Draw the chart into a PNG file. Returns whether there was anything to draw."""
    rows = panels(results)
    if not rows:
        return False
    # Drawing needs no window.
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    size = (11, 1.0 + 1.05 * len(rows))
    figure, grid = pyplot.subplots(
        len(rows), len(COLUMNS), figsize=size, squeeze=False, layout="constrained"
    )
    for place, (label, row) in zip(grid, rows, strict=True):
        place[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9, labelpad=70)
        for axes, panel in zip(place, row, strict=True):
            _draw_panel(axes, panel)
    for axes, title in zip(grid[0], COLUMNS, strict=True):
        axes.set_title(title, fontsize=9, loc="left")
    figure.supxlabel(caption, fontsize=8)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return True


def _bars(
    results: Sequence[Result], workload: str, case: str, metric: Metric
) -> dict[str, Summary]:
    found = {
        each.system: each.summary
        for each in results
        if (each.workload, each.case, each.metric) == (workload, case, metric)
    }
    return {system: found[system] for system in SYSTEMS if system in found}


def _draw_panel(axes: Any, panel: Panel) -> None:
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_xticks([])
    names = list(panel.bars)
    summaries = list(panel.bars.values())
    medians = [each.median for each in summaries]
    below = [each.median - each.low for each in summaries]
    above = [each.high - each.median for each in summaries]
    colors = [COLORS[SYSTEMS.index(name)] for name in names]
    axes.barh(range(len(names)), medians, 0.8, xerr=(below, above), color=colors)
    for index, each in enumerate(summaries):
        axes.text(each.high, index, f"  {shown(each.median)}", va="center", fontsize=7)
    axes.set_yticks(range(len(names)), [SHORT.get(name, name) for name in names], fontsize=7)
    axes.invert_yaxis()
    # Room for the numbers behind the bars.
    longest = max((each.high for each in summaries), default=1)
    axes.set_xlim(0, 1.25 * longest)
