"""Draws the pictures of a report, as PNG and SVG: bars of all rates, and the latencies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from bench.figures import Figures, Place, Spread
from bench.report import Report

OURS: Final = "#d1495b"
LIMIT: Final = "#8d99ae"
OTHERS: Final = "#2e5077"
Bar = tuple[str, Spread]


def draw(report: Report, folder: Path) -> list[Path]:
    """Draw all pictures for which the report has figures; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    with mpl.rc_context():
        # Text stays text in an SVG, and the same report always makes the same file.
        mpl.rcParams["svg.hashsalt"], mpl.rcParams["svg.fonttype"] = "leveret", "none"
        mpl.rcParams["axes.spines.top"] = mpl.rcParams["axes.spines.right"] = False
        for name, figure in (("rates", _rates(report)), ("latency", _latency(report))):
            if figure is None:
                continue
            for kind in ("png", "svg"):
                files.append(folder / f"{name}.{kind}")
                metadata = {"Date": None} if kind == "svg" else {"Software": None}
                figure.savefig(files[-1], dpi=150, metadata=metadata)
    return files


def _rates(report: Report) -> Figure | None:
    """Draw echo and whole job as bars."""
    panels = [
        ("Echo, 64 in flight, load in C", bars(report.figures, "echo", "64 in flight", "rate")),
        ("Echo, each one's own client, 64 in flight", bars(report.figures, "clients", "64 in flight", "rate")),
        ("Whole job: create_task, durable", _jobs(report.figures)),
    ]
    panels = [(title, found) for title, found in panels if found]
    if not panels:
        return None
    heights = [len(found) + 1.2 for _, found in panels]
    figure = Figure(figsize=(9, 0.34 * sum(heights) + 0.6), layout="constrained")
    for axes, (title, found) in zip(
        figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0], panels, strict=True
    ):
        _draw_bars(axes, title, found)
    figure.supxlabel(_caption(report), fontsize=8, color="#555555")
    return figure


def bars(figures: Figures, case: str, setting: str, figure: str) -> list[Bar]:
    """Return all lines of a case in one setting, the largest figure first."""
    names = dict.fromkeys(run.who for run in figures.runs if (run.case, run.setting) == (case, setting))
    found = [(who, figures.spread(Place(case, who, setting, figure))) for who in names]
    return sorted([(who, spread) for who, spread in found if spread], key=lambda bar: -bar[1].median)


def _jobs(figures: Figures) -> list[Bar]:
    """Return all lines of the whole job in all settings."""
    settings = dict.fromkeys(run.setting for run in figures.runs if run.case == "job")
    found = [
        (f"{who}, {setting}", spread) for setting in settings for who, spread in bars(figures, "job", setting, "rate")
    ]
    return sorted(found, key=lambda bar: -bar[1].median)


def _draw_bars(axes: Axes, title: str, found: Sequence[Bar]) -> None:
    medians = [spread.median for _, spread in found]
    reach = [
        [spread.median - spread.least for _, spread in found],
        [spread.most - spread.median for _, spread in found],
    ]
    names = [who for who, _ in found]
    axes.barh(
        names, medians, xerr=reach, color=[_colour(who) for who in names], error_kw={"lw": 1, "ecolor": "#333333"}
    )
    axes.invert_yaxis()
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    axes.set_xlabel("replies/s (median, least and most)", fontsize=8)
    most = max(spread.most for _, spread in found)
    axes.set_xlim(0, most * 1.15)
    for place, (_, spread) in enumerate(found):
        axes.text(spread.most + most * 0.01, place, f"{spread.median:,.0f}", va="center", fontsize=9)


def _latency(report: Report) -> Figure | None:
    """Draw p50, p99 and p99.9 of each line on a logarithmic scale, in one panel for each kind of load."""
    settings = dict.fromkeys(run.setting for run in report.figures.runs if run.case == "latency" and run.sample)
    if not settings:
        return None
    figure = Figure(figsize=(9, 3.1 * len(settings) + 0.4), layout="constrained")
    panels = figure.subplots(len(settings), 1, squeeze=False)[:, 0]
    for axes, setting in zip(panels, settings, strict=True):
        _draw_latencies(axes, report.figures, setting)
    figure.supxlabel(_caption(report), fontsize=8, color="#555555")
    return figure


def _draw_latencies(axes: Axes, figures: Figures, setting: str) -> None:
    signs = {"p50_ms": ("p50", "o"), "p99_ms": ("p99", "s"), "p999_ms": ("p99.9", "^")}
    order = [who for who, _ in bars(figures, "latency", setting, "p50_ms")]
    for figure, (_, sign) in signs.items():
        found = dict(bars(figures, "latency", setting, figure))
        shown = [who for who in order if who in found]
        values, colours = [found[who].median for who in shown], [_colour(who) for who in shown]
        axes.scatter(values, shown, marker=sign, s=42, c=colours, zorder=3)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(lambda value, _place: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="both", which="major", color="#dddddd", lw=0.7)
    axes.set_title(f"Latency, {setting}", loc="left", fontsize=11, fontweight="bold")
    axes.set_xlabel("milliseconds, medians of the rounds", fontsize=8)
    keys = [Line2D([], [], color="#333333", marker=sign, ls="", label=name) for name, sign in signs.values()]
    axes.legend(handles=keys, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(keys), fontsize=8, frameon=False)


def _colour(who: str) -> str:
    if who.startswith(("leveret", "taskmanager", "echo, leveret")):
        return OURS
    return LIMIT if who.startswith(("C ", "echo, C ")) else OTHERS


def _caption(report: Report) -> str:
    machine, versions = report.machine, report.versions
    broker = f"RabbitMQ {versions.get('RabbitMQ', '?')}, Python {versions.get('Python', '?')}"
    smoke = "SMOKE TEST, figures mean nothing. " if report.quick else ""
    return f"{smoke}{machine['cores']} cores, {machine['system']}, {broker}, {machine['date']}"
