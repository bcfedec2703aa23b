"""Names of reply queues that the broker cannot read: whoever forges them takes nothing from anybody else."""

import base64
import logging
from functools import partial

import pytest

from support.bad_requests import GOOD
from support.serving import Broker, Caller, Serve, calling, until

FORGED = 40
ATOM = b"\x77\x0erabbit@nowhere"
"""A node's name as Erlang writes it (Erlang, "External Term Format", SMALL_ATOM_UTF8_EXT)."""

TERMS = {
    "no term": b"no process at all",
    "a term that ends too early": b"\x58" + ATOM,
    "a process of another node": b"\x58" + ATOM + b"\x00\x00\x07\x5a\x00\x00\x00\x00\x67\x6b\x46\x32",
    "a number": b"\x61\x07",
    "a large text": b"\x6d\x00\x00\x00\x50" + b"x" * 80,
    "compressed": b"P\x00\x00\x00\x01x\x9c\x03\x00\x00\x00\x00\x01",
}
"""What may stand behind the first byte."""


def forged(term: bytes, number: int = 0) -> str:
    return f"amq.rabbitmq.reply-to.{base64.b64encode(bytes([0x83]) + term).decode()}.k{number}"


def ends_connections(caller: Caller) -> bool:
    """RabbitMQ 4.3 takes a reply to a name that it cannot read, and drops it."""
    version = str(caller.connection.server_properties["version"]).split(".")
    return (int(version[0]), int(version[1])) < (4, 3)


def request(request_id: str, token: str) -> dict[str, object]:
    return GOOD | {"id": request_id, "auth": token}


async def test_forged_names_without_end_cost_others_no_reply_new_callers_neither(
    broker: Broker, serve: Serve, caller: Caller, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    async with serve():
        assert (await caller.ask(request("first", token)))["status"] == "ok"
        for number in range(FORGED):
            await caller.send(request(f"f{number}", token), reply_to=forged(b"no process", number))
            assert (await caller.ask(request(f"g{number}", token)))["correlation_id"] == f"g{number}"
            if number % 8 == 0:
                async with calling(broker.url, caller.topology, remove_after=False) as newcomer:
                    assert (await newcomer.ask(request(f"n{number}", token)))["correlation_id"] == f"n{number}"
        await caller.nothing_waits()
    assert not [text for text in caplog.messages if text.startswith("lost the broker")]
    assert await caller.channel.get(caller.topology.requests) is None


@pytest.mark.parametrize("term", TERMS.values(), ids=TERMS.keys())
async def test_whatever_the_name_holds_its_request_is_settled_and_the_others_are_answered(
    serve: Serve, caller: Caller, token: str, term: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve():
        for number in range(5):
            await caller.send(request(f"f{number}", token), reply_to=forged(term, number % 2))
            await caller.send(request(f"g{number}", token))
        assert {(await caller.reply())["correlation_id"] for _ in range(5)} == {f"g{number}" for number in range(5)}
        await caller.nothing_waits()
    assert not [text for text in caplog.messages if text.startswith("lost the broker")]
    assert await caller.channel.get(caller.topology.requests) is None


async def test_a_name_that_ended_a_connection_is_not_answered_again(
    serve: Serve, caller: Caller, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A broker that drops such a reply and ends no connection leaves nothing to remember."""
    ends = ends_connections(caller)
    async with serve():
        for sent in ({"f0"}, {"f0", "f1"}):
            await caller.send(request(max(sent), token), reply_to=forged(b"no process"))
            if ends:
                await until(partial(_all_settled, caplog, sent), f"the end of {max(sent)}")
        await caller.ask(request("g", token))
    if ends:
        assert "its reply queue ended connections: " in [text for text in caplog.messages if "no reply to" in text][-1]
    else:
        assert not _settled(caplog)


def _all_settled(caplog: pytest.LogCaptureFixture, sent: set[str]) -> bool:
    return _settled(caplog) == sent


def _settled(caplog: pytest.LogCaptureFixture) -> set[str]:
    """Which requests the log says were settled without a reply."""
    found = (text.removeprefix("no reply to ").partition(":")[0] for text in caplog.messages if "no reply to" in text)
    return set(found)
