"""An action with a retry policy of its own: its pauses, its number, its errors that end a request."""

import json
import logging
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from leveret.api import Api, Context
from leveret.letters.choice import Choice
from leveret.letters.redrive import Redriver
from leveret.letters.removal import redrive_letters
from leveret.letters.sender import LetterSender
from leveret.retry import RetryPolicy
from leveret.topology import Topology
from leveret.worker import Worker
from support.serving import Broker, Caller, calling, keyring, quick, serving, until

USUAL, SHORT, LONG = (timedelta(milliseconds=wait) for wait in (100, 30, 170))
"""The pause of the ladder, and two that only the action has."""


class CardRefused(Exception):
    pass


class Shop:
    """An API with an action that fails as often as it is told to; it counts its attempts.

    Args:
        policy: the retries of ``charge``; those of ``refund`` are the worker's.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self.attempts: list[str] = []
        self.errors: list[Exception] = []
        self.api: Api = Api()
        self.api.action("v1", "charge", writes=True, retry=policy)(self.charge)
        self.api.action("v1", "refund", writes=True)(self.charge)

    def charge(self, context: Context) -> int:
        self.attempts.append(context.request.id)
        if self.errors:
            raise self.errors.pop()
        return len(self.attempts)


@pytest.fixture
def topology(prefix: str) -> Topology:
    return quick(prefix, USUAL).with_delays([SHORT, LONG])


def request(request_id: str, action: str, auth: str) -> dict[str, Any]:
    return {"id": request_id, "version": "v1", "action": action, "data": {}, "auth": auth}


def failing(count: int) -> list[Exception]:
    return [ConnectionError("no answer")] * count


def waited(letter: Any) -> list[str]:
    """Return the retry queues that a letter's request was in, the latest first."""
    return [death["queue"] for death in letter.properties.headers["x-death"]]


def serve(shop: Shop, broker: Broker, topology: Topology, database: str) -> AbstractAsyncContextManager[Worker]:
    return serving(shop.api, broker.url, topology, database, most=1)


async def test_a_request_waits_in_its_actions_queues_and_ends_as_a_letter_after_its_own_number(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "leveret.worker")
    shop = Shop(RetryPolicy((SHORT, LONG), most=3))
    shop.errors = failing(4)
    async with serve(shop, broker, topology, database):
        reply = await caller.ask(request("c1", "charge", token))
        (letter,) = await caller.letters(1)
    assert reply["error"].startswith("retries exhausted: Request failed after 4 attempts")
    assert shop.attempts == ["c1"] * 4
    body = json.loads(letter.body)
    assert (body["reason"], body["code"]) == ("retries exhausted: ConnectionError: no answer", "retries_exhausted")
    assert waited(letter) == [topology.retry_queues[LONG]]
    times = [datetime.fromisoformat(attempt["failed_at"]) for attempt in body["attempts"]]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert [pause >= wanted for pause, wanted in zip(pauses, (SHORT, LONG, LONG), strict=True)] == [True] * 3
    assert [line for line in caplog.messages if line.startswith("retry #")] == [
        f"retry #{number} for c1 because ConnectionError: no answer" for number in (1, 2, 3)
    ]


async def test_an_action_without_a_policy_keeps_the_workers(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str
) -> None:
    shop = Shop(RetryPolicy((SHORT,), most=5))
    shop.errors = failing(2)
    async with serve(shop, broker, topology, database):
        await caller.ask(request("r1", "refund", token))
        (letter,) = await caller.letters(1)
    assert shop.attempts == ["r1"] * 2
    assert waited(letter) == [topology.retry_queues[USUAL]]


@pytest.mark.parametrize("pause", [SHORT, LONG, USUAL])
async def test_a_retry_is_executed_after_its_pause(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str, pause: timedelta
) -> None:
    shop = Shop(RetryPolicy((pause,), most=1))
    shop.errors = failing(1)
    async with serve(shop, broker, topology, database):
        assert (await caller.ask(request("c1", "charge", token)))["data"] == 2
        assert await caller.channel.get(topology.dead_letters) is None


async def test_an_error_that_is_not_retried_gives_a_letter_at_once(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str
) -> None:
    shop = Shop(RetryPolicy((LONG,), most=5, no_retry_on=(CardRefused,)))
    shop.errors = [CardRefused("stolen"), *failing(1)]
    async with serve(shop, broker, topology, database):
        reply = await caller.ask(request("c1", "charge", token))
        (letter,) = await caller.letters(1)
        body = json.loads(letter.body)
        shop.errors = [CardRefused("stolen")]
        assert (await caller.ask(request("c2", "charge", token)))["code"] == "internal"
        await caller.letters(1)
    assert reply["code"] == "retries_exhausted"
    assert shop.attempts == ["c1", "c1", "c2"]
    assert body["reason"] == "retries exhausted: CardRefused: stolen (not retried)"
    assert (body["code"], body["exception"]) == ("retries_exhausted", f"{__name__}.CardRefused")
    assert [attempt["reason"] for attempt in body["attempts"]] == [
        "ConnectionError: no answer",
        "CardRefused: stolen",
    ]


async def test_a_letter_of_such_an_action_is_sent_again_and_begins_anew(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str
) -> None:
    shop = Shop(RetryPolicy((SHORT,), most=1))
    shop.errors = failing(3)
    async with serve(shop, broker, topology, database):
        await caller.ask(request("c1", "charge", token))
        redriver = Redriver(topology, keyring(), shop.api, retention=timedelta(days=7))
        await redrive_letters(broker.url, LetterSender(redriver), Choice(ids=("c1",)), lambda _: None)
        await until(lambda: len(shop.attempts) == 4, "the fourth attempt")
        await caller.nothing_waits()
    assert shop.attempts == ["c1"] * 4, "two, and two more of the four: the third failed and was retried"


async def test_a_request_that_waits_while_its_action_gets_another_policy_comes_back_and_follows_that(
    broker: Broker, prefix: str, database: str, token: str
) -> None:
    before, after = Shop(RetryPolicy((LONG,), most=9)), Shop(RetryPolicy((SHORT,), most=1))
    before.errors, after.errors = failing(1), failing(2)
    usual = quick(prefix, USUAL)
    old, new = usual.with_delays([LONG]), usual.with_delays([SHORT])
    async with calling(broker.url, old) as caller, calling(broker.url, new, remove_after=False):
        async with serve(before, broker, old, database):
            await caller.send(request("c1", "charge", token))
            await until(lambda: before.attempts, "the first attempt")
        async with serve(after, broker, new, database):
            assert (await caller.reply())["code"] == "retries_exhausted"
            (letter,) = await caller.letters(1)
        assert waited(letter) == [old.retry_queues[LONG]]
        await caller.channel.delete_queue(new.retry_queues[SHORT])
    assert after.attempts == ["c1"], "its second attempt is the last that the new policy allows"
