"""This machine's clock: whether something keeps it right."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

from leveret.operate.doctor.finding import Findings, ok, unknown
from leveret.operate.doctor.installation import Installation

_NOT_KEPT: Final = 5
"""What Linux's ``adjtimex`` returns for a clock that nothing synchronizes (TIME_ERROR)."""

_ROOM: Final = 512
"""Bytes that are more than a ``struct timex`` has."""


def kept(installation: Installation) -> Findings:  # noqa: ARG001 - every check takes it
    """Report whether the kernel knows of something that keeps the clock right."""
    state = _kernel_state()
    advice = "`timedatectl` or `chronyc tracking` say it. Deadlines and tokens need clocks that agree within seconds."
    if state is None:
        return [unknown("nobody says whether this machine's clock is kept right", advice)]
    if state == _NOT_KEPT:
        return [unknown("the kernel knows of nothing that keeps this machine's clock right", advice)]
    return [ok("the kernel says that this machine's clock is kept right")]


def _kernel_state() -> int | None:
    """Ask the kernel, and set nothing: with an empty record, ``adjtimex`` only reads (adjtimex(2))."""
    if sys.platform != "linux":
        return None
    try:
        asked = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    state = int(asked(ctypes.create_string_buffer(_ROOM)))
    return None if state < 0 else state
