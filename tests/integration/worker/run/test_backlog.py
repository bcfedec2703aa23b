"""Responses that the broker has not confirmed are bounded in bytes: the rest runs when there is room again."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import pytest

from leveret.amqp import Address
from leveret.api import Api, Context
from leveret.devbroker import DevBroker
from leveret.topology import Topology
from leveret.worker.leave.backlog import MOST_UNSENT
from leveret.worker.run.async_actions import MOST_AT_ONCE
from support.notes import note_api
from support.serving import Broker, Caller, calling, serving, until
from testbed.alarm import memory_alarm
from testbed.proxy import Proxy

SIZE = 512 * 1024
REQUESTS = 180


def large_api(ran: Counter[str]) -> Api:
    api = note_api()

    def answer(context: Context) -> str:
        ran["large"] += 1
        return "x" * SIZE

    async def answer_async(context: Context) -> str:
        return answer(context)

    api.action("v1", "answer")(answer)
    api.action("v1", "answer_async")(answer_async)
    return api


@pytest.mark.parametrize(("action", "most"), [("answer", 50), ("answer_async", MOST_AT_ONCE + MOST_UNSENT // SIZE)])
async def test_under_an_alarm_no_more_is_run_than_may_wait_and_the_rest_after_it(
    lent_broker: DevBroker,
    topology: Topology,
    database: str,
    token: str,
    caplog: pytest.LogCaptureFixture,
    action: str,
    most: int,
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    ran: Counter[str] = Counter()
    alarm = memory_alarm(lent_broker)
    async with calling(lent_broker.url, topology) as caller:
        for number in range(REQUESTS):
            await caller.send({"id": f"r{number}", "version": "v1", "action": action, "data": {}, "auth": token})
        await asyncio.to_thread(alarm.__enter__)
        async with serving(large_api(ran), lent_broker.url, topology, database, lanes=2):
            try:
                await until(lambda: ran["large"] * SIZE >= MOST_UNSENT, "as many responses as may wait")
                await asyncio.to_thread(lent_broker.control, "eval", "waited.")  # time enough to run all of them
                ran_meanwhile = ran["large"]
            finally:
                await asyncio.to_thread(alarm.__exit__, None, None, None)
            replies = [await caller.reply() for _ in range(REQUESTS)]
    assert ran_meanwhile <= most
    assert {reply["status"] for reply in replies} == {"ok"}
    assert ran["large"] == REQUESTS, "none was run twice"
    assert not [text for text in caplog.messages if text.startswith("lost the broker")]


async def test_what_is_left_of_a_session_holds_up_no_other_one(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str
) -> None:
    ran: Counter[str] = Counter()
    address = Address.parse(broker.url)
    async with (
        Proxy(address.host, address.port) as proxy,
        serving(large_api(ran), proxy.proxied(broker.url), topology, database, lanes=2) as worker,
    ):
        proxy.pause(to_server=True, to_client=False)
        for number in range(REQUESTS):
            await caller.send({"id": f"r{number}", "version": "v1", "action": "answer", "data": {}, "auth": token})
        await until(lambda: ran["large"] * SIZE >= MOST_UNSENT, "as many responses as may wait")
        await proxy.cut()
        await until(lambda: not worker.consuming.is_set(), "the end of the session")
        proxy.resume()
        found: set[str] = set()
        while len(found) < REQUESTS:
            found.add((await caller.reply())["correlation_id"])
