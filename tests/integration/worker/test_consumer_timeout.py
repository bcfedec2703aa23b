"""A delivery that is held longer than the broker allows: it closes the channel, or from 4.3 cancels the consumer."""

import asyncio
import threading

import pytest

from leveret.api import Api, Context
from leveret.devbroker import DevBroker
from leveret.topology import Topology
from support.serving import LIMIT, calling, serving, until
from support.versions import TIMEOUT_CANCELS, version_of

SOON = """
application:set_env(rabbit, consumer_timeout, 1000),
application:set_env(rabbit, channel_tick_interval, 100),
application:set_env(rabbit, quorum_tick_interval, 100).
"""
"""Milliseconds that a delivery may be held, instead of 30 minutes, and how often the broker looks."""


async def test_a_worker_whose_delivery_is_held_too_long_consumes_again(
    lent_broker: DevBroker, topology: Topology, database: str, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    lent_broker.control("eval", SOON)
    api: Api = Api()
    begun: list[str] = []
    gate = threading.Event()

    @api.action("v1", "wait")
    def wait(context: Context) -> str:
        begun.append(context.request.id)
        assert len(begun) > 1 or gate.wait(LIMIT)
        return "done"

    def told(text: str) -> bool:
        return any(message.startswith("lost the broker") and text in message for message in caplog.messages)

    ask: dict[str, object] = {"version": "v1", "action": "wait", "data": {}, "auth": token}
    async with (
        calling(lent_broker.url, topology) as caller,
        serving(api, lent_broker.url, topology, database, lanes=2),
    ):
        await caller.send({**ask, "id": "held"})
        await until(lambda: begun, "its start")
        cancelled = version_of(caller.connection) >= TIMEOUT_CANCELS
        await until(lambda: told("cancelled" if cancelled else "timed out"), "the broker's patience to end")
        gate.set()
        assert (await caller.reply())["data"] == "done"
        await caller.send({**ask, "id": "next"})
        assert (await asyncio.wait_for(caller.reply(), LIMIT))["correlation_id"] == "next"
