"""Makes the spans of letters that are sent again; it needs the extra ``leveret[tracing]``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from leveret.observe.traces import ResentLetter, names
from leveret.observe.traces.contexts import remote
from leveret.wire.trace_context import trace_of

_propagator: Final = TraceContextTextMapPropagator()


class RedriveTracer:
    """Makes a span of each letter that is sent again.

    It is a trace of its own, because it may be days later, with a link to the span that the letter names: that of the
    caller, or of the redrive before this one. The worker's span of the new request has a link to it.

    Args:
        tracer: makes the spans.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def begin(self, letter: ResentLetter) -> OpenedRedriveSpan:
        """Begin the span of a letter."""
        context = trace_of(letter.headers)
        attributes = {
            names.SYSTEM: names.RABBITMQ,
            names.OPERATION_NAME: names.REDRIVE,
            names.OPERATION_TYPE: names.SEND,
            names.DESTINATION: names.destination(letter.exchange, letter.queue),
            names.ROUTING_KEY: letter.queue,
            names.MESSAGE_ID: letter.request,
            names.CONVERSATION_ID: letter.request,
            names.ACTION: letter.action,
        }
        if letter.operation:
            attributes[names.OPERATION] = letter.operation
        links = [Link(remote(context))] if context else None
        name = f"{names.REDRIVE} {letter.action}"
        return OpenedRedriveSpan(self._tracer.start_span(name, Context(), SpanKind.PRODUCER, attributes, links))


class OpenedRedriveSpan:
    """The span of a letter that is being sent again.

    Attributes:
        headers: the headers that tell the worker of it; empty where the trace is not recorded.
    """

    def __init__(self, span: Span) -> None:
        self._span = span
        headers: dict[str, str] = {}
        if span.is_recording():
            _propagator.inject(headers, set_span_in_context(span, Context()))
        self.headers: Mapping[str, str] = headers

    def end(self, error: str = "") -> None:
        """End it, with an error where the request was not sent."""
        if error:
            self._span.set_attribute(names.ERROR_TYPE, error)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()
