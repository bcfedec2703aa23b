"""Draws how long callers waited over the time of a scene, as PNG and SVG, for light and for dark pages."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from msgspec import Struct

from taskmanager.compare.forms import NAMES
from taskmanager.compare.judging import over_time
from taskmanager.compare.running import Shown
from taskmanager.compare.shown import DEEDS

Theme = Literal["light", "dark"]
Kind = Literal["png", "svg"]

KINDS: Final[tuple[Kind, ...]] = ("png", "svg")

_PARTS: Final = 60


class Colours(Struct, frozen=True):
    """The colours of a theme."""

    page: str
    text: str
    faint: str
    median: str
    slowest: str
    others: str


_COLOURS: Final[Mapping[Theme, Colours]] = {
    "light": Colours("#ffffff", "#1b1f24", "#6b7280", "#2e5077", "#a9bcd0", "#c1121f"),
    "dark": Colours("#15181c", "#e6e8eb", "#9aa3ad", "#8ab4f8", "#41597a", "#ff7b72"),
}


def draw(shown: Sequence[Shown], theme: Theme, kind: Kind) -> bytes:
    """Draw one scene, a panel for each form; the same figures always make the same picture.

    Args:
        shown: the same scene with each form.
        theme: of the page on which it stands.
        kind: of the picture.
    """
    colours = _COLOURS[theme]
    with mpl.rc_context(
        {
            "svg.hashsalt": "taskmanager",
            "svg.fonttype": "none",
            "text.color": colours.text,
            "axes.edgecolor": colours.faint,
            "axes.labelcolor": colours.text,
            "xtick.color": colours.text,
            "ytick.color": colours.text,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "font.size": 10,
        }
    ):
        figure = Figure(figsize=(5.2, 4.4), layout="constrained", facecolor=colours.page)
        panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
        for axes, each in zip(panels, shown, strict=True):
            _panel(axes, each, colours)
        panels[-1].set_xlabel("seconds of load")
        drawn = io.BytesIO()
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(drawn, format=kind, dpi=150, metadata=metadata)
    return drawn.getvalue()


def _panel(axes: Axes, shown: Shown, colours: Colours) -> None:
    scene = shown.scene
    moments = over_time(shown.outcomes, scene.seconds, _PARTS)
    width = scene.seconds / _PARTS
    times = [moment.at + width / 2 for moment in moments]
    axes.set_facecolor(colours.page)
    axes.bar(times, [moment.slowest or 0 for moment in moments], width, color=colours.slowest, label="slowest")
    medians = [float("nan") if moment.median is None else moment.median for moment in moments]
    axes.plot(times, medians, color=colours.median, label="median", drawstyle="steps-mid")
    bad = [time for time, moment in zip(times, moments, strict=True) if moment.others]
    axes.plot(bad, [scene.patience * 1.03] * len(bad), "x", color=colours.others, markersize=4, label="no result")
    for number, event in enumerate(scene.events):
        axes.axvline(event.at, color=colours.faint, linewidth=0.8, linestyle=":")
        side = "left" if number else "right"  # so that two texts do not lie on each other
        text = f" {DEEDS[event.deed]} "
        axes.text(event.at, scene.patience * 1.1, text, fontsize=8, color=colours.faint, horizontalalignment=side)
    axes.set_xlim(0, scene.seconds)
    axes.set_ylim(0, scene.patience * 1.22)
    axes.set_ylabel("seconds waited")
    axes.set_title(NAMES[shown.form], loc="left", fontsize=10, pad=2)
    axes.set_facecolor(colours.page)
