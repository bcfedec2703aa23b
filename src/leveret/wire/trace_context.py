"""The context of a trace in a message's headers, see W3C Trace Context. No I/O.

A caller writes these headers, so they may hold anything: what is not to the letter of the recommendation is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct, structs

from leveret.amqp import FieldValue

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
TRACE_HEADERS: Final = frozenset({TRACEPARENT, TRACESTATE})

_LONGEST: Final = 55
_LONGEST_STATE: Final = 512
_MOST_MEMBERS: Final = 32
_FORM: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)
_MEMBER: Final = re.compile(
    r"[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]", re.ASCII
)


class TraceContext(Struct, frozen=True):
    """Where in a trace a message was sent.

    Attributes:
        trace_id: 32 hexadecimal digits, not all of them 0.
        span_id: 16 hexadecimal digits, not all of them 0.
        sampled: whether the sender records the trace.
        state: what vendors add, see ``tracestate``; empty where they add nothing.
    """

    trace_id: str
    span_id: str
    sampled: bool
    state: str = ""


def read_traceparent(value: object) -> TraceContext | None:
    """Return the context that a header ``traceparent`` holds; None if it holds none, or something else."""
    if not isinstance(value, str) or len(value) != _LONGEST or not (found := _FORM.fullmatch(value)):
        return None
    trace_id, span_id, flags = found.groups()
    if not int(trace_id, 16) or not int(span_id, 16):
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & 1))


def read_tracestate(value: object) -> str:
    """Return what a header ``tracestate`` holds; nothing if it is too long, or not a list of keys and values."""
    if not isinstance(value, str) or len(value) > _LONGEST_STATE:
        return ""
    members = [member.strip(" \t") for member in value.split(",") if member.strip(" \t")]
    whole = len(members) <= _MOST_MEMBERS and all(map(_MEMBER.fullmatch, members))
    return ",".join(members) if whole else ""


def trace_of(headers: Mapping[str, object] | None) -> TraceContext | None:
    """Return the context in a message's headers; None if there is none."""
    if not headers or (given := headers.get(TRACEPARENT)) is None or (context := read_traceparent(given)) is None:
        return None
    state = read_tracestate(headers.get(TRACESTATE))
    return structs.replace(context, state=state) if state else context


def trace_headers(headers: Mapping[str, object] | None) -> dict[str, FieldValue]:
    """Return the headers of a message that follows another one: its context, and nothing where it has none."""
    if (context := trace_of(headers)) is None or headers is None:
        return {}
    state: dict[str, FieldValue] = {TRACESTATE: context.state} if context.state else {}
    return {TRACEPARENT: f"00-{context.trace_id}-{context.span_id}-{context.sampled:02x}", **state}
