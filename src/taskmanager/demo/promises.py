"""The demonstration checks what it shows."""

from __future__ import annotations


class DemoFailed(Exception):
    """A step did not come out as promised; the text says which promise and what came instead."""


def promise(kept: bool, text: str) -> None:
    """Check a promise: `promise(depth == 1, "there is one letter")`.

    Raises:
        DemoFailed: it is not kept.
    """
    if not kept:
        raise DemoFailed(f"not as promised: {text}")
