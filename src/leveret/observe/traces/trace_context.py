"""The context of a trace in a message's headers, see W3C Trace Context. No I/O.

A caller writes these headers, so they may hold anything: what is not to the letter of the recommendation is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

TRACEPARENT: Final = "traceparent"

_LONGEST: Final = 55
_FORM: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)


class TraceContext(Struct, frozen=True):
    """Where in a trace a message was sent.

    Attributes:
        trace_id: 32 hexadecimal digits, not all of them 0.
        span_id: 16 hexadecimal digits, not all of them 0.
        sampled: whether the sender records the trace.
    """

    trace_id: str
    span_id: str
    sampled: bool


def read_traceparent(value: object) -> TraceContext | None:
    """Return the context that a header ``traceparent`` holds; None if it holds none, or something else."""
    if not isinstance(value, str) or len(value) != _LONGEST or not (found := _FORM.fullmatch(value)):
        return None
    trace_id, span_id, flags = found.groups()
    if not int(trace_id, 16) or not int(span_id, 16):
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & 1))


def trace_of(headers: Mapping[str, object] | None) -> TraceContext | None:
    """Return the context in a message's headers; None if there is none."""
    return read_traceparent(headers.get(TRACEPARENT)) if headers else None
