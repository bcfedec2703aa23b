"""The load generator over HTTP sees every reply that is missing, wrong or an error, and counts what it wrote."""

import asyncio
import json
from collections.abc import Callable

import pytest

from bench.case import RunFailed
from bench.load import HTTP, Address, Answers, Demand, ask, load_command
from bench.programs import run_to_end
from bench.rig import Rig

COUNT = 30
DEMAND = Demand(count=COUNT, in_flight=5, prefix="p", limit=0.5)

Respond = Callable[[dict[str, str], bytes], bytes]


def reply(body: bytes, status: str = "201 Created") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status.encode(), len(body), body)


def created(headers: dict[str, str], _body: bytes) -> bytes:
    assert headers["authorization"] == "Bearer a token"
    return reply(json.dumps({"id": 1, "title": headers["idempotency-key"].strip('"')}).encode())


def at_last(otherwise: Respond) -> Respond:
    """Answer rightly but for the last request."""
    return lambda headers, body: (otherwise if "p-29" in headers["idempotency-key"] else created)(headers, body)


async def answers_of(rig: Rig, respond: Respond, demand: Demand = DEMAND) -> Answers:
    """What the load generator says of a server that answers so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:-2]]
                headers = {name.lower(): value for name, value in lines}
                writer.write(respond(headers, await reader.readexactly(int(headers["content-length"]))))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        to = Address(exchange=HTTP, routing_key="/tasks/", token="a token", port=port)
        return await asyncio.to_thread(ask, rig, to, demand, limit=30.0)


@pytest.mark.parametrize(
    ("respond", "complaint"),
    [
        pytest.param(lambda _headers, _body: b"", "1 missing", id="no reply"),
        pytest.param(lambda _headers, _body: reply(b"{}", "503 Service Unavailable"), "1 errors", id="an error"),
        pytest.param(lambda _headers, _body: reply(b'{"title": "p-1"}'), "1 wrong", id="the reply to another request"),
        pytest.param(lambda headers, body: created(headers, body) * 2, "a reply to nobody", id="a reply too many"),
        pytest.param(lambda _headers, _body: b"HTTP/1.1 201 Created\r\n\r\n", "no Content-Length", id="no length"),
    ],
)
async def test_a_reply_that_is_not_right_fails_the_run(rig: Rig, respond: Respond, complaint: str) -> None:
    with pytest.raises(RunFailed, match=complaint):
        await answers_of(rig, at_last(respond))


async def test_right_replies_are_counted(rig: Rig) -> None:
    figures = (await answers_of(rig, created)).figures
    assert (figures["sent"], figures["replies"], figures["writes"]) == (COUNT, COUNT, COUNT)
    assert 0 < figures["p50_ms"] <= figures["p99_ms"]


def test_what_cannot_be_sent_over_http_is_refused(rig: Rig) -> None:
    to = Address(exchange=HTTP, routing_key="/tasks/", port=1)
    ended = run_to_end(load_command(rig, to, Demand(count=COUNT, rate=10.0)), rig.environment, limit=30.0)
    assert (ended.code, ended.output) == (2, "")
    assert ended.errors.startswith("load: over HTTP --again,")
