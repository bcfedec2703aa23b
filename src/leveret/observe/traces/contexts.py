"""Spans of others, as OpenTelemetry has them; it needs the extra ``leveret[tracing]``."""

from __future__ import annotations

from opentelemetry.trace import SpanContext, TraceFlags, TraceState

from leveret.wire.trace_context import TraceContext


def remote(context: TraceContext) -> SpanContext:
    """Return the span that a message's headers name."""
    flags = TraceFlags(TraceFlags.SAMPLED if context.sampled else TraceFlags.DEFAULT)
    state = TraceState.from_header([context.state]) if context.state else None
    return SpanContext(
        int(context.trace_id, 16), int(context.span_id, 16), is_remote=True, trace_flags=flags, trace_state=state
    )
