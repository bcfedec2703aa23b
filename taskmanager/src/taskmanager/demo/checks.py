"""Checks of what the demonstration shows."""

from __future__ import annotations

from leveret.cli.ending.endings import CommandFailed


class DemoFailed(CommandFailed):
    """A step did not show what it promises; the text says what was promised and what came instead."""


def check(holds: bool, text: str) -> None:
    """Check that a promise holds, such as `check(depth == 1, "there is one letter")`.

    Raises:
        DemoFailed: the promise does not hold.
    """
    if not holds:
        raise DemoFailed(f"not as promised: {text}")
