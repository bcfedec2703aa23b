"""Colours on a terminal; plain text elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import typer
from msgspec import Struct

from leveret.cli.terminal.screen import make_console
from leveret.settings import environment

Tone = Literal["good", "refused", "again", "failed", "quiet", "strong"]
"""What a text tells; each has a look that can be read on a dark and on a light background."""


class Look(Struct, frozen=True):
    """How a text looks: one of the names that every terminal has, so that its own theme decides.

    Attributes:
        colour: its colour; None for that of all texts.
        bold: whether it is bold.
        dim: whether it is dim.
    """

    colour: str | None = None
    bold: bool = False
    dim: bool = False


_LOOKS: Final[Mapping[Tone, Look]] = {
    "good": Look("green"),
    "refused": Look("cyan"),
    "again": Look("yellow", bold=True),
    "failed": Look("red", bold=True),
    "quiet": Look(dim=True),
    "strong": Look(bold=True),
}

_NARROW: Final = 110
"""Columns of a terminal below which ids are shortened."""


class Paint:
    """Paints texts.

    Args:
        coloured: whether the output takes colours.
        narrow: whether lines should be short.
    """

    def __init__(self, *, coloured: bool = False, narrow: bool = False) -> None:
        self.coloured = coloured
        self.narrow = narrow

    @classmethod
    def of_output(cls) -> Paint:
        """Return what suits standard output; NO_COLOR, TERM and COLUMNS are honoured."""
        console = make_console()
        plain = bool(environment().get("NO_COLOR")) or console.legacy_windows or console.color_system is None
        return cls(coloured=console.is_terminal and not plain, narrow=console.is_terminal and console.width < _NARROW)

    def __call__(self, text: str, tone: Tone) -> str:
        """Return a text in its look."""
        if not self.coloured:
            return text
        look = _LOOKS[tone]
        return typer.style(text, fg=look.colour, bold=look.bold or None, dim=look.dim or None)
