"""Makes the spans of a client's calls; it needs the extra ``leveret[tracing]``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from leveret.observe.traces import names

__all__ = ["CallTracer"]


class CallTracer:
    """Makes a span of each call, below the caller's current span, and the headers that tell the worker of it.

    Args:
        tracer: makes the spans.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def call(self, name: str, request_id: str, exchange: str, queue: str) -> Iterator[Mapping[str, str]]:
        """Make the span of one call, and yield the headers of its message; an error of the block is noted.

        Args:
            name: version and action.
            request_id: the request's id.
            exchange: where it is published.
            queue: the queue of requests.
        """
        attributes = {
            names.SYSTEM: names.RABBITMQ,
            names.OPERATION_NAME: names.SEND,
            names.OPERATION_TYPE: names.SEND,
            names.DESTINATION: names.destination(exchange, queue),
            names.ROUTING_KEY: queue,
            names.MESSAGE_ID: request_id,
            names.CONVERSATION_ID: request_id,
            names.ACTION: name,
        }
        with self._tracer.start_as_current_span(
            f"{names.SEND} {name}",
            kind=SpanKind.PRODUCER,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ):
            headers: dict[str, str] = {}
            self._propagator.inject(headers)
            try:
                yield headers
            except BaseException as error:
                self.note_error(str(getattr(error, "code", type(error).__qualname__)))
                raise

    def note_error(self, code: str) -> None:
        """Note in the span that is current that the call has ended with an error.

        Args:
            code: the error's code, or the name of its class.
        """
        span = get_current_span()
        span.set_attribute(names.ERROR_TYPE, code)
        span.set_status(Status(StatusCode.ERROR))
