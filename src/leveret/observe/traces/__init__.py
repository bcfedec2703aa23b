"""Traces with OpenTelemetry: spans of calls and of requests. All but this file needs the extra ``leveret[tracing]``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

__all__ = ["CallSpans"]


class CallSpans(Protocol):
    """Makes a span of each call of a client; ``leveret.observe.traces.call_tracer.CallTracer`` does."""

    def call(self, name: str, request_id: str, exchange: str, queue: str) -> AbstractContextManager[Mapping[str, str]]:
        """Make the span of one call, which ends with the block, and return the headers that tell the worker of it.

        Args:
            name: version and action.
            request_id: the request's id.
            exchange: where it is published.
            queue: the queue of requests.
        """

    def note_error(self, code: str) -> None:
        """Note in the span that is current that the reply is an error.

        Args:
            code: the error's code.
        """
