"""Letters that are sent again by an operation: through a real worker, in steps, and by several people."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import structs

from leveret.amqp import Message, Properties
from leveret.broker.connecting import connected
from leveret.letters.choice import Choice
from leveret.letters.look import look_at_messages
from leveret.letters.removal import discard_letters, redrive_letters
from leveret.letters.sender import LetterSender
from leveret.operate.operations import (
    OperationState,
    OperationTrouble,
    RedriveOptions,
    RedriveProgress,
    open_operations,
)
from leveret.wire.envelope import SEAL
from support.operating import ADA, BOB, Operated, operated
from support.serving import Broker

QUICK = 1.0


@pytest.fixture
async def shop(broker: Broker, empty_url: str, prefix: str, tmp_path: Path) -> AsyncIterator[Operated]:
    """A system with a stream of letters, once on SQLite and once on PostgreSQL."""
    async with operated(broker.url, empty_url, prefix, tmp_path, streams=True) as shop:
        yield shop


@pytest.fixture
async def plain(broker: Broker, prefix: str, tmp_path: Path) -> AsyncIterator[Operated]:
    """A system without streams, on SQLite."""
    url = f"sqlite:///{tmp_path / 'stall.db'}"
    async with operated(broker.url, url, prefix, tmp_path, streams=False) as shop:
        yield shop


async def test_steps_follow_each_other_while_everything_succeeds(shop: Operated) -> None:
    await shop.become_letters("a", "b", "c", "d")
    plan = await shop.plan(options=RedriveOptions(steps=(1, 2)))
    told: list[RedriveProgress] = []
    async with shop.worker():
        view = await shop.run(plan.view.id, tell=told.append)
    assert (view.state, view.counts.succeeded, view.counts.total) == (OperationState.DONE, 4, 4)
    assert sorted({(each.step, each.steps) for each in told}) == [(1, 3), (2, 3), (3, 3)]
    first = [each for each in told if each.step == 1]
    assert first[-1].counts.handled == 1
    assert (told[-1].counts, told[-1].remaining) == (view.counts, 0.0)
    assert shop.ordered() == ["a", "b", "c", "d"]
    assert await shop.depth() == 0
    begun, ended = shop.audit(view.id)
    assert (begun.what, begun.by_whom, begun.why, ended.what) == ("redrive", "ada", ADA.why, "redrive_ended")
    assert '"succeeded":4' in ended.details_json


async def test_no_step_follows_one_in_which_a_letter_failed_again_until_somebody_goes_on(shop: Operated) -> None:
    await shop.become_letters("a", "b", "c", "d")
    shop.stall.broken = {"b"}
    plan = await shop.plan(options=RedriveOptions(steps=(2, 1)))
    async with shop.worker():
        view = await shop.run(plan.view.id)
        assert (view.state, view.ended_why) == (OperationState.STOPPED, "1 letter of step 1 of 3 failed again")
        assert shop.results(view.id) == {"a": "succeeded", "b": "failed", "c": "wanted", "d": "wanted"}
        assert "OSError: the disk is full (letter " in shop.whys(view.id)["b"]
        view = await shop.run(plan.view.id, BOB)
    assert view.state == OperationState.DONE
    assert shop.results(view.id) == {"a": "succeeded", "b": "failed", "c": "succeeded", "d": "succeeded"}
    assert await shop.depth() == 1
    assert [entry.what for entry in shop.audit(view.id)] == [
        "redrive",
        "redrive_ended",
        "redrive_resumed",
        "redrive_ended",
    ]


async def test_it_stops_when_as_many_as_were_said_have_failed_again(shop: Operated) -> None:
    await shop.become_letters("a", "b", "c")
    shop.stall.broken = {"a", "b"}
    plan = await shop.plan(options=RedriveOptions(stop_after=2))
    async with shop.worker():
        view = await shop.run(plan.view.id)
    assert (view.state, view.ended_why) == (OperationState.STOPPED, "2 letters failed again")


async def test_failures_are_learned_while_a_slow_operation_waits_for_its_next_letter(shop: Operated) -> None:
    await shop.become_letters("a", "b")
    shop.stall.broken = {"a"}
    plan = await shop.plan(options=RedriveOptions(rate=0.01, stop_after=1))
    told: list[RedriveProgress] = []
    async with shop.worker():
        view = await shop.run(plan.view.id, tell=told.append)
    assert (view.state, view.ended_why) == (OperationState.STOPPED, "1 letter failed again")
    assert shop.results(view.id) == {"a": "failed", "b": "wanted"}
    assert (told[0].remaining or 0) >= 99


async def test_what_a_process_was_sending_when_it_died_is_sent_once_by_the_next_one(shop: Operated) -> None:
    await shop.become_letters("sent", "not sent", "taken", "wanted")
    plan = await shop.plan()
    redriver = shop.stall.app.redriver(shop.settings)
    with open_operations(shop.stall.app, shop.settings) as operations:
        operations.claim(plan.view.id, "the one that dies", ADA)
        operations.begin_letters(plan.view.id, "the one that dies", operations.letters(plan.view.id)[:2])
    await redrive_letters(shop.settings.amqp_url, LetterSender(redriver), Choice(ids=("sent",)), lambda _: None)
    await discard_letters(shop.settings.amqp_url, shop.topology, Choice(ids=("taken",)), lambda _: None)
    async with shop.worker():
        with pytest.raises(OperationTrouble, match="is run by the one that dies"):
            await shop.run(plan.view.id, BOB)
        view = await shop.run(plan.view.id, BOB, take_over=True)
    assert view.state == OperationState.DONE
    assert shop.results(view.id) == {
        "sent": "succeeded",
        "not sent": "succeeded",
        "taken": "missing",
        "wanted": "succeeded",
    }
    assert shop.whys(view.id)["taken"].endswith("somebody else has taken it out (discarded)")
    assert shop.ordered() == ["not sent", "sent", "wanted"]
    assert [entry.what for entry in shop.audit(view.id)] == ["redrive", "redrive_taken_over", "redrive_ended"]


async def test_a_letter_that_may_have_been_sent_is_not_called_sent_without_a_sign_of_it(shop: Operated) -> None:
    await shop.become_letters("a")
    plan = await shop.plan(options=RedriveOptions(wait=0.3))
    with open_operations(shop.stall.app, shop.settings) as operations:
        operations.claim(plan.view.id, "the one that dies", ADA)
        operations.begin_letters(plan.view.id, "the one that dies", operations.letters(plan.view.id))
    await discard_letters(shop.settings.amqp_url, shop.topology, Choice(ids=("a",)), lambda _: None)
    view = await shop.run(plan.view.id, take_over=True)
    assert shop.results(view.id) == {"a": "missing"}
    assert "a process ended while it sent this letter" in shop.whys(view.id)["a"]


async def test_whoever_is_paused_or_taken_over_sends_nothing_more(shop: Operated) -> None:
    await shop.become_letters("a", "b", "c")
    plan = await shop.plan(options=RedriveOptions(rate=0.01, wait=QUICK))
    begun = asyncio.Event()

    def tell(progress: RedriveProgress) -> None:
        if progress.counts.handled:
            begun.set()

    first = asyncio.create_task(shop.run(plan.view.id, tell=tell))
    await asyncio.wait_for(begun.wait(), 10)
    with open_operations(shop.stall.app, shop.settings) as operations:
        assert operations.pause(plan.view.id, BOB).ended_why == "paused by bob"
    paused = await first
    assert (paused.state, paused.counts.wanted) == (OperationState.PAUSED, 2)
    stop = asyncio.Event()
    stop.set()
    assert (await shop.run(plan.view.id, BOB, stop=stop)).state == OperationState.PAUSED
    async with shop.worker():
        assert (await shop.plan()).view.counts.wanted == 2


async def test_without_streams_new_letters_are_looked_at_and_what_cannot_be_sent_is_refused(plain: Operated) -> None:
    await plain.become_letters("a", "b")
    await plain.become_letters("read", action="peek")
    async with connected(plain.settings.amqp_url) as connection:
        channel = await connection.channel(confirms=True)
        moved = Message(b"{}", plain.topology.dead_letters, properties=Properties(correlation_id="moved"))
        await channel.publish(moved)
    plain.stall.broken = {"a"}
    plan = await plain.plan(options=RedriveOptions(wait=QUICK))
    assert not plan.found.streamed
    async with plain.worker():
        view = await plain.run(plan.view.id)
    assert view.state == OperationState.DONE
    assert plain.results(view.id) == {"a": "failed", "b": "succeeded", "read": "sent", "moved": "refused"}
    whys = plain.whys(view.id)
    assert whys["read"].startswith("its action keeps no response")
    assert whys["moved"].startswith("no worker wrote this")


async def test_letters_that_never_came_into_the_stream_are_found_in_the_queue_by_their_ids_and_by_all(
    shop: Operated,
) -> None:
    await shop.become_letters("a", "b")
    async with connected(shop.settings.amqp_url) as connection:
        channel = await connection.channel(confirms=True)
        for name in ("moved", "moved too"):
            properties = Properties(correlation_id=name)
            await channel.publish(Message(b"{}", shop.topology.dead_letters, properties=properties))
    named = (await shop.plan("moved", "a", "nobody")).found
    assert [request for _, request in named.letters] == ["a", "moved"]
    assert (named.missing, named.unseen, named.streamed) == (("nobody",), 0, True)
    every = (await shop.plan(limit=3)).found
    assert [request for _, request in every.letters] == ["a", "b", "moved"]
    assert (every.left, every.unseen) == (1, 0)
    assert await shop.depth() == 4


async def test_what_is_named_is_planned_up_to_a_limit_and_the_rest_is_told(shop: Operated) -> None:
    await shop.become_letters("a", "b")
    plan = await shop.plan("b", "a", "nobody", limit=1)
    assert [request for _, request in plan.found.letters] == ["a"]
    assert (plan.found.missing, plan.found.left, plan.view.options.named) == (("nobody",), 1, True)
    with pytest.raises(OperationTrouble, match="there is no operation"):
        await shop.run("nothing")
    assert await shop.depth() == 2


async def test_a_letter_that_was_sent_stays_sent_although_a_forged_copy_of_it_is_refused(shop: Operated) -> None:
    await shop.become_letters("a", "b")
    async with connected(shop.settings.amqp_url) as connection:
        first, _ = await look_at_messages(connection, shop.topology, 10)
        channel = await connection.channel(confirms=True)
        forged = structs.replace(first.properties, headers={**(first.properties.headers or {}), SEAL: "forged"})
        await channel.publish(Message(first.body, shop.topology.dead_letters, properties=forged, mandatory=True))
    plan = await shop.plan("a", "b")
    async with shop.worker():
        await shop.run(plan.view.id)
    assert shop.results(plan.view.id) == {"a": "succeeded", "b": "succeeded"}
    assert await shop.depth() == 1
