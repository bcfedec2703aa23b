"""Connections of HTTP callers: what they may send, and how long they may take (RFC 9112)."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Any, Final

import httptools
from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from leveret.contracts.statuses import problem_of
from leveret.web.gateway.problems import MEDIA_TYPE, HttpProblem
from leveret.web.gateway.responses import PROBLEM_PAGES
from leveret.wire.ids import new_id

_LINGER: Final = 1.0
"""Seconds in which what a refused caller sends further is read and dropped, so that it gets the answer first."""


class ConnectionLimits(Struct, frozen=True, kw_only=True):
    """What one caller may take.

    Attributes:
        target: bytes of a request's target: path and query.
        fields: how many header fields a request may have.
        head: bytes of a request's line and header fields together.
        head_seconds: how long a request's head may take to arrive, from its first byte or the connection's beginning.
        body_seconds: how long its body may take then.
        idle_seconds: how long a connection is kept without a request.
        stuck_seconds: how long a caller may not read what is sent.
        connections: how many connections there may be at once.
    """

    target: int = 8 * 1024
    fields: int = 100
    head: int = 32 * 1024
    head_seconds: float = 10.0
    body_seconds: float = 60.0
    idle_seconds: float = 60.0
    stuck_seconds: float = 30.0
    connections: int = 10_000


class RequestPart(Enum):
    """What of a request arrives next."""

    NOTHING = "nothing"
    HEAD = "head"
    BODY = "body"


class HttpConnection(HttpToolsProtocol):
    """One connection of a caller. What is no request is answered with a problem, and then the connection is closed.

    Requests are answered in their order, one after the other.

    Attributes:
        limits: what the caller may take; the same for all connections of a server.
        part: what of a request arrives next.
        parts: how many heads and bodies have begun to arrive, so that others see whether it is still the same one.
    """

    limits = ConnectionLimits()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.part, self.parts = RequestPart.NOTHING, 0
        self._head = 0
        self._over = False
        self._running: Any = None

    @property
    def is_stuck(self) -> bool:
        """Whether the caller does not read what is sent."""
        return self.flow.write_paused

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or refuse it where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            text = f"There are {self.limits.connections} connections already: try again in a moment"
            self.refuse(HttpProblem("too_many_connections", text, headers={"Retry-After": "1"}))

    def data_received(self, data: bytes) -> None:
        """Read what has come."""
        if self._over:
            return
        self._unset_keepalive_if_required()
        self._head += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # RFC 9110, 7.8: it may be ignored; the parser reads no further
            self._over = True
            self.cycle.keep_alive = False
        except httptools.HttpParserInvalidMethodError:
            if data[:1].isalpha():
                self.refuse(HttpProblem("method_unknown", "The request begins with a method that HTTP does not have"))
            else:
                self.refuse(_malformed("it does not begin with a method; this may be TLS, which is not spoken here"))
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            self.refuse(cause if isinstance(cause, HttpProblem) else _malformed("its target cannot be read"))
        except httptools.HttpParserError as error:
            self.refuse(_malformed(str(error)))
        else:
            if self.part is RequestPart.HEAD and self._head > self.limits.head:
                self.refuse(self._too_long())

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Answer what was whole before the caller closed its side (RFC 9112, 9.6), and close.

        An answer without an end, such as a stream of events, ends: nothing else tells that its reader is gone.
        """
        last = self._last_whole()
        if self._over or last is None or last.response_complete or (last.response_started and last.chunked_encoding):
            return None
        self._over = True
        last.keep_alive = False
        return self.scheme == "http"  # TLS has no half-closed connections

    def on_message_begin(self) -> None:
        """Note that a head arrives."""
        self.part = RequestPart.HEAD
        self.parts += 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Check a head, and let its request run.

        Raises:
            HttpProblem: it is too long, or malformed.
        """
        limits = self.limits
        if len(self.url) > limits.target or (self._head > limits.target and self._fields_size() > limits.head):
            raise self._too_long()
        if len(self.headers) > limits.fields:
            raise HttpProblem("header_too_large", f"The request has more than {limits.fields} header fields")
        if len([name for name, _ in self.headers if name == b"host"]) != 1 and self.parser.get_http_version() != "1.0":
            raise _malformed("it needs the header field Host once")  # RFC 9112, 3.2
        self.part = RequestPart.BODY
        self.parts += 1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that a request is whole."""
        self.part = RequestPart.NOTHING
        self._head = 0
        super().on_message_complete()

    def refuse(self, problem: HttpProblem) -> None:
        """Answer with a problem if that is still possible, and close the connection.

        Where a request before is still answered, its answer is the last one.
        """
        self._over = True
        running, last = self._running, self._last_whole()
        if last is not None and not last.response_complete:
            last.keep_alive = False
        elif self.part is RequestPart.BODY:
            running.disconnected = True
            running.message_event.set()
            if running.response_started:
                self.transport.close()
            else:
                self._answer(problem)
        else:
            self._answer(problem)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _last_whole(self) -> Any:
        """Return the last request that has arrived whole; a later one that has not, and waits, is dropped."""
        if self.part is not RequestPart.BODY:
            return self.cycle
        if self.cycle is self._running:
            return None
        self.pipeline.popleft()
        return self.pipeline[0][0] if self.pipeline else self._running

    def _fields_size(self) -> int:
        return sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _too_long(self) -> HttpProblem:
        limits = self.limits
        if len(self.url) > limits.target:
            return HttpProblem("target_too_long", f"Path and query have more than {limits.target} bytes")
        return HttpProblem("header_too_large", f"The header fields have more than {limits.head} bytes")

    def _answer(self, problem: HttpProblem) -> None:
        if self.transport.is_closing():
            return
        request_id = new_id()
        host, port = self.server or ("", 0)
        types = f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{port}{PROBLEM_PAGES}"
        body = problem.body(request_id, types, "/")
        fields = [
            *self.server_state.default_headers,
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"request-id", request_id.encode()),
            *((name.lower().encode(), value.encode()) for name, value in problem.headers.items()),
            (b"connection", b"close"),
        ]
        head = b"".join(b"%b: %b\r\n" % field for field in fields)
        self.transport.write(STATUS_LINE[int(problem_of(problem.code).status)] + head + b"\r\n" + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.loop.call_later(_LINGER, self.transport.close)
        else:
            self.transport.close()


def bounded_connections(limits: ConnectionLimits) -> type[HttpConnection]:
    """Return the class of connections with these limits, as uvicorn takes it."""
    return type("BoundedHttpConnection", (HttpConnection,), {"limits": limits})


def _malformed(why: str) -> HttpProblem:
    return HttpProblem("invalid_request", f"This is no request of HTTP/1.1: {why}")
