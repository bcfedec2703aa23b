"""Draws the comparison in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from taskmanager.compare.forms import NAMES
from taskmanager.compare.judging import Moment, over_time
from taskmanager.compare.running import Shown
from taskmanager.compare.shown import COLUMNS, DEEDS, LEGEND, cells, circumstances

_BARS: Final = " ▁▂▃▄▅▆▇█"
_PARTS: Final = 60


def show_scene(console: Console, shown: Sequence[Shown]) -> None:
    """Print one scene: a table with a row for each form, and how long callers waited over time.

    Args:
        console: where to print.
        shown: the same scene with each form.
    """
    scene = shown[0].scene
    console.print(Text(f"\n{scene.title}", "bold"))
    console.print(circumstances(scene))
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for each in shown:
        table.add_row(NAMES[each.form], *cells(each.judgement))
    console.print(table)
    for each in shown:
        moments = over_time(each.outcomes, scene.seconds, _PARTS)
        console.print(Text.assemble(("waited     ", "dim"), bars(moments, scene.patience), f" {each.form}"))
        if (crosses := failures(moments)).strip():
            console.print(Text.assemble(("no result  ", "dim"), (crosses, "red")))
    if scene.events:
        console.print(Text(", ".join(f"{event.at:g} s: {DEEDS[event.deed]}" for event in scene.events), "dim"))
    console.print(scene.says)


def show_legend(console: Console) -> None:
    """Print what the columns mean."""
    console.print()
    for name, meaning in LEGEND:
        console.print(Text.assemble((f"{name:>10}  ", "dim"), meaning))


def bars(moments: Iterable[Moment], most: float) -> str:
    """Return one sign for each moment: the higher, the longer its callers waited, up to ``most`` seconds."""
    return "".join(_bar(moment.median, most) for moment in moments)


def failures(moments: Iterable[Moment]) -> str:
    """Return one sign for each moment, which is a cross if a caller got no result."""
    return "".join("x" if moment.others else " " for moment in moments)


def _bar(seconds: float | None, most: float) -> str:
    if seconds is None:
        return " "
    return _BARS[1 + min(int(seconds / most * (len(_BARS) - 1)), len(_BARS) - 2)]
