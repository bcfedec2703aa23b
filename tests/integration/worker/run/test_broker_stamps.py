"""Where the broker stamps messages, a caller's own clock does not matter."""

import asyncio
import time
from contextlib import suppress
from typing import Any

import pytest

from leveret.client import Client
from leveret.devbroker import BrokerFailed, DevBroker
from leveret.errors import NoAnswer
from leveret.topology import Topology
from support.notes import note_api
from support.serving import LIMIT, Caller, Serve, calling, serving
from support.versions import STAMPS, version_of

OVERWRITE = "message_interceptors.incoming.set_header_timestamp.overwrite = true\n"


def count(request_id: str, auth: str) -> dict[str, Any]:
    return {"id": request_id, "version": "v1", "action": "count", "data": {}, "auth": auth}


def of_a_slow_clock(timeout: int, **more: Any) -> dict[str, Any]:
    """What a caller with a timeout sends whose clock is an hour behind."""
    return {"x-deadline": int((time.time() - 3600) * 1000) + timeout, "x-timeout": timeout, **more}


async def answer(caller: Caller, body: dict[str, Any], headers: dict[str, Any]) -> dict[str, Any]:
    """Ask until there is an answer: 4.0 may drop replies in the first moments after its start."""
    async with asyncio.timeout(LIMIT):
        while True:
            await caller.send(body, headers=headers)
            with suppress(TimeoutError):
                while (reply := await caller.reply(2.0))["correlation_id"] != body["id"]:
                    pass
                return reply


async def counted(client: Client, token: str) -> object:
    """The same with our client."""
    async with asyncio.timeout(LIMIT):
        while True:
            with suppress(NoAnswer):
                return await client.call("count", token=token, timeout=2.0)


async def test_a_timeout_counts_from_the_brokers_stamp_which_no_caller_can_forge(
    private_broker: DevBroker, topology: Topology, database: str, token: str
) -> None:
    async with calling(private_broker.url, topology) as caller:
        knows_stamps = version_of(caller.connection) >= STAMPS
    (private_broker.folder / "conf.d" / "10-stamps.conf").write_text(OVERWRITE)
    if not knows_stamps:
        with pytest.raises(BrokerFailed):
            private_broker.restart()
        return
    private_broker.restart()
    async with (
        calling(private_broker.url, topology) as caller,
        serving(note_api(), private_broker.url, topology, database),
        Client(private_broker.url, topology=topology) as client,
    ):
        stamped = await answer(caller, count("a", token), of_a_slow_clock(60_000))
        forged = await answer(caller, count("b", token), of_a_slow_clock(60_000, timestamp_in_ms=1))
        late = await answer(caller, count("c", token), of_a_slow_clock(-1, timestamp_in_ms=2**62))
        assert await counted(client, token) == 0
    assert (stamped["status"], forged["status"], late.get("code")) == ("ok", "ok", "deadline_exceeded")
    assert "after the broker's clock showed" in late["error"]


async def test_without_a_stamp_a_caller_with_a_slow_clock_is_told_about_clocks(
    serve: Serve, caller: Caller, token: str
) -> None:
    async with serve():
        late = await caller.ask(count("a", token), headers=of_a_slow_clock(10_000))
        own = await caller.ask(
            count("b", token), headers=of_a_slow_clock(10_000, timestamp_in_ms=int(time.time() * 1000))
        )
    assert late["code"] == "deadline_exceeded"
    assert "the caller's clock and the worker's must agree" in late["error"]
    assert own["status"] == "ok", "a stamp of the caller's own decides on its own deadline only, as x-deadline does"
