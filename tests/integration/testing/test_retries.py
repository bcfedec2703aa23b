"""What fails is tried again, after the pauses of the ladder."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from leveret.errors import Internal, NoAnswer, RetriesExhausted
from leveret.testing import AsyncTestClient
from support.tested import Opening

LADDER = [timedelta(milliseconds=200), timedelta(milliseconds=400), timedelta(milliseconds=400)]


@pytest.mark.parametrize("action", ["flaky", "flaky_later"])
async def test_a_caller_who_waits_gets_the_answer_of_the_attempt_that_succeeds(
    action: str, user: AsyncTestClient
) -> None:
    waiting = asyncio.create_task(user.call(action, {"fails": 2}))
    await user.settled()
    await user.advance("200ms")
    await user.advance("400ms")
    assert await waiting == {"id": 1, "retries": 2}
    assert await user.retries() == []
    assert await user.call("count") == 1


async def test_a_request_waits_for_its_retry_and_everybody_can_see_how_long(user: AsyncTestClient) -> None:
    await user.send("flaky", {"fails": 9}, id="f")
    seen = []
    for pause in ("200ms", "400ms", "400ms"):
        await user.settled()
        [waiting] = await user.retries()
        assert timedelta() <= waiting.left <= waiting.delay
        seen.append((waiting.id, waiting.action, waiting.number, waiting.delay, waiting.reason))
        await user.advance(pause)
    assert seen == [("f", "v1.flaky", n, LADDER[n - 1], f"attempt {n - 1} fails") for n in (1, 2, 3)]
    assert (await user.retries(), len(await user.letters())) == ([], 1)


async def test_one_advance_carries_out_the_whole_ladder(user: AsyncTestClient) -> None:
    waiting = asyncio.create_task(user.call("write", {"text": "x", "then": "bug"}))
    await user.advance("1s")
    with pytest.raises(RetriesExhausted, match="after 4 attempts"):
        await waiting
    assert len(await user.letters()) == 1


async def test_before_its_time_nothing_is_tried_again(opening: Opening) -> None:
    async with opening(RETRY_DELAY="2s") as client:
        user = client.as_user("7")
        await user.send("flaky", {"fails": 1}, id="f")
        await user.settled()
        await user.advance("50ms")
        [waiting] = await user.retries()
        assert waiting.number == 1
        assert waiting.left < waiting.delay
        await user.advance("2s")
        assert (await user.retries(), await user.call("count")) == ([], 1)


async def test_retries_of_several_requests_are_listed_the_next_one_first(opening: Opening) -> None:
    async with opening(RETRY_DELAY="1s,60s") as client:
        user = client.as_user("7")
        await user.send("flaky", {"fails": 2}, id="later")
        await user.advance("1s")
        await user.send("flaky", {"fails": 1}, id="sooner")
        await user.settled()
        assert [waiting.id for waiting in await user.retries()] == ["sooner", "later"]
        await user.advance("1s")
        assert [waiting.id for waiting in await user.retries()] == ["later"]


async def test_without_retries_a_failure_is_a_letter_at_once(opening: Opening) -> None:
    async with opening(MAX_RETRIES=0) as client:
        with pytest.raises(Internal, match="kept as a dead letter"):
            await client.as_user("7").call("write", {"text": "x", "then": "temporary"})
        [letter] = await client.letters()
        assert letter.correlation_id


async def test_a_caller_who_waits_less_than_the_retry_takes_gets_no_answer(user: AsyncTestClient) -> None:
    waiting = asyncio.create_task(user.call("flaky", {"fails": 1}, id="f", timeout=0.1))
    await user.settled()
    await user.advance("300ms")
    with pytest.raises(NoAnswer, match=r"has no reply within 0\.1 s"):
        await waiting
    assert await user.call("flaky", {"fails": 1}, id="f") == {"id": 1, "retries": 1}


async def test_while_a_request_waits_for_its_retry_others_are_answered(opening: Opening) -> None:
    async with opening(RETRY_DELAY="60s") as client:
        user = client.as_user("7")
        await user.send("flaky", {"fails": 1}, id="f")
        await user.settled()
        assert (await user.call("write", {"text": "x"}))["text"] == "x"
        assert [waiting.id for waiting in await user.retries()] == ["f"]


async def test_a_refusal_is_not_tried_again(user: AsyncTestClient) -> None:
    await user.send("write", {"text": "x", "then": "conflict"})
    await user.settled()
    assert (await user.retries(), await user.letters()) == ([], [])
