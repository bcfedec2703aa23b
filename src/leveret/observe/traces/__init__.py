"""Traces with OpenTelemetry, which all but this file needs: spans of calls, requests and redrives."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

__all__ = ["CallSpans", "RedriveSpan", "RedriveSpans", "ResentLetter"]


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


class ResentLetter(Struct, frozen=True):
    """A letter that is sent again.

    Attributes:
        headers: the letter's.
        request: the request's id.
        action: version and name of its action.
        exchange: where the request is published.
        queue: the queue of requests.
        operation: the id of the operation; empty where there is none.
    """

    headers: Mapping[str, object] | None
    request: str
    action: str
    exchange: str
    queue: str
    operation: str = ""


class RedriveSpan(Protocol):
    """The span of one letter that is being sent again."""

    headers: Mapping[str, str]
    """The headers that tell the worker of it; empty where the trace is not recorded."""

    def end(self, error: str = "") -> None:
        """End it, with an error where the request was not sent."""


class RedriveSpans(Protocol):
    """Makes a span of each letter that is sent again; ``leveret.observe.traces.redrive_tracer.RedriveTracer`` does."""

    def begin(self, letter: ResentLetter) -> RedriveSpan:
        """Begin the span of a letter; whoever begins it ends it."""
