"""What callers send that is no request, too long, too slow or cut off, on real connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from leveret.web.gateway.connection_watch import ConnectionWatch
from leveret.web.gateway.connections import ConnectionLimits, bounded_connections
from leveret.web.server import WebServer, listen, serve_until

LIMIT = 20.0
LIMITS = ConnectionLimits(target=200, fields=10, head=600, connections=4)
GET = b"GET /now HTTP/1.1\r\nHost: here\r\n\r\n"
POST = b"POST /now HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\n"


@dataclass
class Site:
    """A server with an application that answers with the length of what it got, on ``/later`` only when it may.

    Attributes:
        seen: paths in the order in which their requests ended; of one whose caller went away, with a ``!``.
    """

    limits: ConnectionLimits
    may: asyncio.Event = field(default_factory=asyncio.Event)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    seen: list[str] = field(default_factory=list)
    now: float = 0.0
    port: int = 0
    connections: set[Any] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.watch = ConnectionWatch(self.limits, lambda: self.now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if scope["path"] == "/early":
            await Response(b"early", 413)(scope, receive, send)
            return
        self.began.set()
        try:
            body = await request.body()
        except ClientDisconnect:
            self.seen.append(f"!{scope['path']}")
            return
        if scope["path"] == "/later":
            await self.may.wait()
        self.seen.append(scope["path"])
        large = b"x" * 20_000_000 if scope["path"] == "/large" else b"%d" % len(body)
        await Response(large)(scope, receive, send)

    def pass_time(self, seconds: float) -> None:
        self.watch.look(self.connections)
        self.now += seconds
        self.watch.look(self.connections)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Site]:
        stop, listening = asyncio.Event(), listen("127.0.0.1", 0)
        config = uvicorn.Config(
            self, http=bounded_connections(self.limits), lifespan="off", log_config=None, timeout_graceful_shutdown=5
        )
        address = asyncio.get_running_loop().create_future()
        server = WebServer(config, address.set_result)
        serving = asyncio.create_task(serve_until(stop, server, listening))
        self.port = int((await asyncio.wait_for(address, LIMIT)).rpartition(":")[2].strip("/"))
        self.connections = server.server_state.connections
        try:
            yield self
        finally:
            self.may.set()
            stop.set()
            await asyncio.wait_for(serving, LIMIT)
            listening.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site(LIMITS).serving() as found:
        yield found


@asynccontextmanager
async def connected(site: Site) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answers(reader: asyncio.StreamReader) -> list[tuple[int, str]]:
    """Read to the end; return status and body of each answer, the code in place of the body of a problem."""
    text, found = await asyncio.wait_for(reader.read(), LIMIT), []
    while text:
        head, _, rest = text.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        body, text = rest[: int(fields[b"content-length"])], rest[int(fields[b"content-length"]) :]
        problem = fields.get(b"content-type") == b"application/problem+json"
        found.append((int(head.split()[1]), json.loads(body)["code"] if problem else body.decode()))
    return found


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while not holds():  # noqa: ASYNC110 - the state of a connection has no event
            await asyncio.sleep(0.001)


async def told(site: Site, sent: bytes) -> list[tuple[int, str]]:
    """Send something, and return what comes until the server closes."""
    async with connected(site) as (reader, writer):
        writer.write(sent)
        return await answers(reader)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "invalid_request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "invalid_request"),
        (b"GET /now\r\n\r\n", 400, "invalid_request"),
        (b"GET /now HTTP/9.9\r\nHost: here\r\n\r\n", 400, "invalid_request"),
        (b"GET \xff HTTP/1.1\r\nHost: here\r\n\r\n", 400, "invalid_request"),
        (b"GET /now HTTP/1.1\r\nHost here\r\n\r\n", 400, "invalid_request"),
        (b"GET /now HTTP/1.1\r\nAccept: */*\r\n\r\n", 400, "invalid_request"),
        (b"GET /now HTTP/1.1\r\nHost: here\r\nHost: there\r\n\r\n", 400, "invalid_request"),
        (b"POST /now HTTP/1.1\r\nContent-Length: five\r\n\r\n", 400, "invalid_request"),
        (b"POST /now HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "invalid_request"),
        (b"POST /now HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\nsix\r\n", 400, "invalid_request"),
        (b"JUMP /now HTTP/1.1\r\nHost: here\r\n\r\n", 501, "method_unknown"),
        (b"GET /" + b"x" * 200 + b" HTTP/1.1\r\nHost: here\r\n\r\n", 414, "target_too_long"),
        (b"GET /" + b"x" * 900, 414, "target_too_long"),
        (b"GET /now HTTP/1.1\r\n" + b"A: b\r\n" * 11 + b"\r\n", 431, "header_too_large"),
        (b"GET /now HTTP/1.1\r\nA: " + b"b" * 700 + b"\r\n\r\n", 431, "header_too_large"),
        (b"GET /now HTTP/1.1\r\nA: " + b"b" * 700, 431, "header_too_large"),
    ],
)
async def test_what_is_no_request_gets_a_problem_and_the_end(site: Site, sent: bytes, status: int, code: str) -> None:
    assert await told(site, sent) == [(status, code)]
    assert [path for path in site.seen if not path.startswith("!")] == []
    assert await told(site, GET.replace(b"Host", b"Connection: close\r\nHost")) == [(200, "0")], "it serves others"


async def test_pipelined_requests_are_answered_in_their_order(site: Site) -> None:
    last = GET.replace(b"/now", b"/last").replace(b"Host", b"Connection: close\r\nHost")
    async with connected(site) as (reader, writer):
        writer.write(GET.replace(b"/now", b"/later") + POST + b"12345" + last)
        await asyncio.wait_for(site.began.wait(), LIMIT)
        site.may.set()
        assert await answers(reader) == [(200, "0"), (200, "5"), (200, "0")]
    assert site.seen == ["/later", "/now", "/last"]


async def test_what_stands_before_something_malformed_is_answered_first(site: Site) -> None:
    async with connected(site) as (reader, writer):
        writer.write(GET.replace(b"/now", b"/later") + GET + b"nonsense\r\n\r\n")
        await asyncio.wait_for(site.began.wait(), LIMIT)
        site.may.set()
        assert await answers(reader) == [(200, "0"), (200, "0")]


async def test_a_caller_that_closed_its_side_gets_its_answers(site: Site) -> None:
    async with connected(site) as (reader, writer):
        writer.write(GET.replace(b"/now", b"/later") + POST + b"12345" + POST + b"1")
        writer.write_eof()
        await asyncio.wait_for(site.began.wait(), LIMIT)
        site.may.set()
        assert await answers(reader) == [(200, "0"), (200, "5")]
    assert site.seen == ["/later", "/now"], "what was not whole is not carried out"


async def test_a_caller_that_goes_away_within_its_body_is_no_request(site: Site) -> None:
    async with connected(site) as (_, writer):
        writer.write(POST + b"123")
        await asyncio.wait_for(site.began.wait(), LIMIT)
    await until(lambda: bool(site.seen))
    assert site.seen == ["!/now"]


@pytest.mark.parametrize(
    ("sent", "seconds", "expected"),
    [
        (b"", LIMITS.head_seconds, []),
        (b"GET /now HT", LIMITS.head_seconds, [(408, "request_timeout")]),
        (POST + b"123", LIMITS.body_seconds, [(408, "request_timeout")]),
        (POST.replace(b"/now", b"/early") + b"1", LIMITS.body_seconds, [(413, "early")]),
    ],
)
async def test_a_caller_that_is_too_slow_is_told_so(
    site: Site, sent: bytes, seconds: float, expected: list[tuple[int, str]]
) -> None:
    async with connected(site) as (reader, writer):
        writer.write(sent)
        parts = {b"": 0}.get(sent, 2 if sent.startswith(b"POST") else 1)
        await until(lambda: [each.parts for each in site.connections] == [parts])
        if sent.startswith(b"POST /early"):
            await until(lambda: next(iter(site.connections)).cycle.response_complete)
        site.pass_time(seconds - 1)
        assert [each.transport.is_closing() for each in site.connections] == [False]
        site.pass_time(1)
        assert await answers(reader) == expected


async def test_a_request_that_is_answered_slowly_is_not_the_fault_of_its_caller(site: Site) -> None:
    async with connected(site) as (reader, writer):
        writer.write(GET.replace(b"/now", b"/later").replace(b"Host", b"Connection: close\r\nHost"))
        await asyncio.wait_for(site.began.wait(), LIMIT)
        site.pass_time(10 * LIMITS.body_seconds)
        site.may.set()
        assert await answers(reader) == [(200, "0")]


async def test_a_caller_that_does_not_read_is_dropped(site: Site) -> None:
    async with connected(site) as (_, writer):
        writer.write(GET.replace(b"/now", b"/large"))
        await until(lambda: any(each.is_stuck for each in site.connections))
        site.pass_time(LIMITS.stuck_seconds)
        await until(lambda: not site.connections)


async def test_further_connections_are_told_to_come_later(site: Site) -> None:
    async with connected(site), connected(site), connected(site), connected(site):
        await until(lambda: len(site.connections) == LIMITS.connections)
        assert await told(site, b"") == [(503, "too_many_connections")]
    await until(lambda: not site.connections)
    assert await told(site, GET.replace(b"Host", b"Connection: close\r\nHost")) == [(200, "0")]


async def test_a_wish_for_another_protocol_is_not_heard(site: Site) -> None:
    sent = GET.replace(b"Host", b"Connection: Upgrade\r\nUpgrade: websocket\r\nHost")
    assert await told(site, sent) == [(200, "0")]
