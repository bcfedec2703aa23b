"""When connections are lost, what was not acked comes again, and has its effect once."""

from __future__ import annotations

import asyncio

import pytest

from leveret.errors import NoAnswer
from leveret.testing import AsyncTestClient
from leveret.wire.letter import LetterBody
from support.tested import Cut, Gate, Opening, notes


@pytest.mark.parametrize("action", ["pass_gate", "pass_gate_later"])
async def test_a_request_whose_worker_loses_the_broker_is_done_once_and_answered(
    action: str, user: AsyncTestClient, gate: Gate, cut: Cut
) -> None:
    waiting = asyncio.create_task(user.call(action, id="one"))
    await gate.begins()
    await cut(user)
    gate.opened.set()
    answer = await waiting
    await user.settled()
    with user.engine.connect() as connection:
        assert len(connection.execute(notes.select()).all()) == 1
    assert answer["redelivered"] in (True, False)  # that of the attempt that was committed
    assert await user.call(action, id="one") == answer


async def test_an_async_action_that_had_not_committed_runs_again_and_knows_it(
    user: AsyncTestClient, gate: Gate, cut: Cut
) -> None:
    await user.send("pass_gate_later", id="one")
    await gate.begins()
    await cut(user)
    await gate.begins()  # on the next session
    gate.opened.set()
    await user.settled()
    with user.engine.connect() as connection:
        assert [row.text for row in connection.execute(notes.select())] == ["redelivered"]


async def test_a_letter_tells_that_its_request_was_delivered_before(opening: Opening, gate: Gate, cut: Cut) -> None:
    async with opening(MAX_RETRIES=0) as client:
        user = client.as_user("7")
        await user.send("pass_gate_and_fail", id="one")
        await gate.begins()
        await cut(user)
        gate.opened.set()
        [letter] = await user.letters()
        assert (letter.correlation_id, letter.code) == ("one", "retries_exhausted")
        assert isinstance(letter.content, LetterBody)
        assert letter.content.headers["x-delivery-count"] == 1


async def test_after_the_loss_everything_works_again(user: AsyncTestClient, cut: Cut) -> None:
    await user.call("write", {"text": "before"})
    for n in range(3):
        await cut(user)
        assert (await user.call("write", {"text": f"after {n}"}))["id"] == n + 2
    await user.settled()


async def test_retries_and_letters_survive_the_loss(user: AsyncTestClient, cut: Cut) -> None:
    await user.send("no_such_action", id="letter")
    await user.send("flaky", {"fails": 1}, id="retry")
    await user.settled()
    await cut(user)
    await user.advance("300ms")
    assert [letter.correlation_id for letter in await user.letters()] == ["letter"]
    assert await user.call("flaky", {"fails": 1}, id="retry") == {"id": 1, "retries": 1}


async def test_a_caller_whose_connection_is_lost_asks_again_until_its_timeout(
    user: AsyncTestClient, gate: Gate, cut: Cut
) -> None:
    waiting = asyncio.create_task(user.call("pass_gate", id="one", timeout=2))
    await gate.begins()
    await cut(user)
    with pytest.raises(NoAnswer):
        await waiting
    gate.opened.set()
    await user.settled()
    assert (await user.call("pass_gate", id="one"))["redelivered"] in (True, False)
    assert await user.call("count") == 1
