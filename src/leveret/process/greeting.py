"""What a parent process tells its child: one line on the child's standard input."""

from __future__ import annotations

import os


def read_line() -> str:
    """Return the first line on the standard input, without its end; empty if the input has ended.

    It reads byte by byte, so that what follows the line stays in the input.
    """
    line = b""
    while not line.endswith(b"\n"):
        sign = os.read(0, 1)
        if not sign:
            return ""
        line += sign
    return line.decode("ascii", "replace").strip()
