"""The trace of an HTTP caller goes on in the message of its request (W3C Trace Context).

The gateway makes no span of its own, so it passes on what it got, as the recommendation allows ("3.4 Mutating the
traceparent field"): the caller's span is the one in which the worker's begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Final

from starlette.types import Scope

from leveret.wire.trace_context import TRACE_HEADERS, TRACEPARENT, TRACESTATE, trace_headers

_NAMES: Final = {name.encode(): name for name in TRACE_HEADERS}
_NONE: Final[AbstractContextManager[Mapping[str, str]]] = nullcontext({})
_current: ContextVar[AbstractContextManager[Mapping[str, str]]] = ContextVar("the caller's trace", default=_NONE)


def note_trace(scope: Scope) -> None:
    """Remember the trace of a request for the calls that it becomes; headers not to its letter are left out."""
    given = [(_NAMES[name], value.decode("latin-1")) for name, value in scope["headers"] if name in _NAMES]
    if given:
        parents = [value for name, value in given if name == TRACEPARENT]
        states = [value for name, value in given if name == TRACESTATE]  # several are one list (RFC 9110, 5.3)
        found = {TRACEPARENT: parents[0], TRACESTATE: ",".join(states)} if len(parents) == 1 else {}
        _current.set(nullcontext({name: str(value) for name, value in trace_headers(found).items()}))


class PassedTraces:
    """Tells the workers of the trace that a call is a part of; see ``leveret.observe.traces.CallSpans``."""

    def call(
        self,
        name: str,  # noqa: ARG002 - a span would have it
        request_id: str,  # noqa: ARG002 - as above
        exchange: str,  # noqa: ARG002 - as above
        queue: str,  # noqa: ARG002 - as above
    ) -> AbstractContextManager[Mapping[str, str]]:
        """Return the headers that tell the worker of the caller's trace; nothing happens at the end of the block."""
        return _current.get()

    def note_error(self, code: str) -> None:
        """Do nothing: the span is the caller's, who sees the error."""
