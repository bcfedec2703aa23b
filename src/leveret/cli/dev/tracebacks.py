"""Tracebacks for whoever writes the application: only the application's own lines of code."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from leveret.cli.dev.paint import Paint
from leveret.wire.masking import JWT_MARK, printable, without_tokens

_MARGIN: Final = "    "

_FRAME: Final = (" ", "Traceback", "The above exception", "During handling")
"""How lines begin that do not tell the error itself."""


class Traces:
    """Writes tracebacks.

    Args:
        places: folders and files of the application; calls elsewhere are left out, unless nothing else is left.
        paint: how the error itself looks.
    """

    def __init__(self, places: Sequence[Path], paint: Paint) -> None:
        self._places = places
        self._paint = paint

    def write(self, error: BaseException) -> str:
        """Return the traceback of an error, and of those that led to it, as indented lines."""
        told = traceback.TracebackException.from_exception(error, limit=None, compact=True)
        self._shorten(told, set())
        lines = [line for part in told.format() for line in part.rstrip("\n").split("\n")]
        return "\n".join(self._indented(line) for line in lines)

    def _shorten(self, told: traceback.TracebackException, seen: set[int]) -> None:
        """Leave out the frames of libraries, here and in the errors before it."""
        seen.add(id(told))
        if ours := [frame for frame in told.stack if self._is_ours(frame.filename)]:
            told.stack = traceback.StackSummary.from_list([_near(frame) for frame in ours])
        for other in (told.__cause__, told.__context__, *(told.exceptions or ())):
            if other is not None and id(other) not in seen:
                self._shorten(other, seen)

    def _is_ours(self, filename: str) -> bool:
        path = Path(filename)
        inside = any(path.is_relative_to(place) for place in self._places)
        return inside and "site-packages" not in path.parts

    def _indented(self, line: str) -> str:
        text = _MARGIN + printable(without_tokens(line) if JWT_MARK in line else line)
        return self._paint(text, "failed") if line and not line.startswith(_FRAME) else text.rstrip()


def _near(frame: traceback.FrameSummary) -> traceback.FrameSummary:
    """Return a frame with the path of its file as it is seen from the working folder, if it lies in there."""
    path, here = Path(frame.filename), Path.cwd()
    if path.is_relative_to(here):
        frame.line  # noqa: B018 - looks the line up while the file has its full name
        frame.filename = str(path.relative_to(here))
    return frame
