"""The observer that makes spans of a request's points; it needs the extra ``leveret[tracing]``."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    set_span_in_context,
)

from leveret.errors import Internal
from leveret.observe.outcome_words import OutcomeWord, outcome_word
from leveret.observe.records import Admitted, Batch, Begun, Committed, Ended, Point, Received, Record, Settled
from leveret.observe.traces import names
from leveret.observe.traces.contexts import remote
from leveret.wire.envelope import RETRY_COUNT
from leveret.wire.trace_context import trace_of

MOST: Final = 10_000
"""Requests whose points are remembered; those of a lost session never come to their end."""

MOST_BATCHES: Final = 1_000
"""Batches whose spans are remembered."""

_FAILED: Final = frozenset({OutcomeWord.RETRY, OutcomeWord.LETTER})


class RequestTracer:
    """Makes the spans of each request when it is settled; an observer, see ``leveret.observe``.

    The span of a request is a child of its caller's span. A retry or a redriven request has a trace of its own, because
    it may run hours later, with a link to the span that its headers name: the caller's or the redrive's. Requests that
    shared a transaction have spans ``commit`` with links to one span ``batch``, which is a trace of its own.

    Args:
        tracer: makes the spans.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._offset = time.time_ns() - time.monotonic_ns()
        self._points: dict[int, list[Record]] = {}
        self._batches: dict[Batch, SpanContext] = {}
        self._lock = threading.Lock()

    def __call__(self, record: Record) -> None:
        """Remember a point, or make the spans of a request that is settled."""
        key = id(record.subject.delivery)
        with self._lock:
            if isinstance(record, Received):
                self._points[key] = [record]
                if len(self._points) > MOST:
                    del self._points[next(iter(self._points))]
                return
            points = self._points.pop(key, []) if isinstance(record, Settled) else self._points.get(key)
        if points is not None:
            points.append(record)
        if isinstance(record, Settled):
            self._make_spans(points or [record], record)

    def _make_spans(self, points: Sequence[Record], settled: Settled) -> None:
        context = trace_of(settled.subject.delivery.properties.headers)
        again = _is_sent_again(settled)
        parent = set_span_in_context(NonRecordingSpan(remote(context)), Context()) if context else Context()
        span = self._tracer.start_span(
            f"{names.PROCESS} {settled.subject.action}",
            Context() if again else parent,
            SpanKind.CONSUMER,
            _attributes(settled),
            [Link(remote(context))] if context and again else None,
            self._moment(points[0].at),
        )
        if span.is_recording():
            word = _note_outcome(span, settled)
            self._make_parts(points, span, "retry" if word is OutcomeWord.RETRY else "settle")
        span.end(self._moment(settled.at))

    def _make_parts(self, points: Sequence[Record], span: Span, end_name: str) -> None:
        """Make the spans of waiting, handling, committing and the end: the last attempt counts if there were two."""
        at: Mapping[type[Point], float] = {type(point): point.at for point in points}
        last = {type(point): point for point in points}
        ended, committed = last.get(Ended), last.get(Committed)
        error = ended.error if isinstance(ended, Ended) else None
        links = self._links(committed) if isinstance(committed, Committed) else ()
        inside = set_span_in_context(span, Context())
        for name, begin, end in (("wait", Received, Begun), ("handle", Begun, Ended), ("commit", Ended, Committed)):
            if begin in at and end in at and at[end] >= at[begin]:
                part = self._tracer.start_span(
                    name, inside, links=links if name == "commit" else (), start_time=self._moment(at[begin])
                )
                if error is not None and name == "handle":
                    part.set_attribute(names.ERROR_TYPE, type(error).__qualname__)
                    part.set_status(Status(StatusCode.ERROR))
                part.end(self._moment(at[end]))
        done = max((at[kind] for kind in (Admitted, Ended, Committed) if kind in at), default=None)
        if done is not None:
            part = self._tracer.start_span(end_name, inside, start_time=self._moment(done))
            part.end(self._moment(at[Settled]))

    def _links(self, committed: Committed) -> Sequence[Link]:
        """Return the link to the span of a request's batch, which is made for the first request of it."""
        batch = committed.batch
        if batch is None or batch.size == 1:
            return ()
        if (context := self._batches.get(batch)) is None:
            span = self._tracer.start_span(
                "batch",
                Context(),
                attributes={names.SYSTEM: names.RABBITMQ, names.BATCH_SIZE: batch.size},
                start_time=self._moment(batch.began),
            )
            span.end(self._moment(committed.at))
            context = self._batches[batch] = span.get_span_context()
            if len(self._batches) > MOST_BATCHES:
                del self._batches[next(iter(self._batches))]
        return (Link(context),)

    def _moment(self, at: float) -> int:
        return int(at * 1e9) + self._offset


def _attributes(settled: Settled) -> Mapping[str, str | int]:
    subject, delivery = settled.subject, settled.subject.delivery
    return {
        names.SYSTEM: names.RABBITMQ,
        names.OPERATION_NAME: names.PROCESS,
        names.OPERATION_TYPE: names.PROCESS,
        names.DESTINATION: names.destination(delivery.exchange, delivery.routing_key),
        names.ROUTING_KEY: delivery.routing_key,
        names.MESSAGE_ID: subject.id,
        names.CONVERSATION_ID: delivery.properties.correlation_id or subject.id,
        names.ACTION: subject.action,
        names.ATTEMPT: subject.attempt,
    }


def _note_outcome(span: Span, settled: Settled) -> OutcomeWord:
    word, code = outcome_word(settled.outcome)
    span.set_attribute(names.OUTCOME, word.value)
    if code:
        span.set_attribute(names.ERROR_TYPE, code)
    if word in _FAILED or code == Internal.code:
        span.set_status(Status(StatusCode.ERROR))
    return word


def _is_sent_again(settled: Settled) -> bool:
    """Return whether a worker or a tool has sent this message, and not the caller."""
    return RETRY_COUNT in (settled.subject.delivery.properties.headers or {})
