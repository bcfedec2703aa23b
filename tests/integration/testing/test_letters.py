"""What is given up is kept as a dead letter, tells all about it, and can be sent again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from leveret.errors import DeadlineExceeded, InvalidRequest, RetriesExhausted, UnknownAction
from leveret.letters.letter import Death, Letter
from leveret.letters.redrive import NotRedrivable
from leveret.testing import AsyncTestClient
from leveret.wire.envelope import PRINCIPAL, RETRY_COUNT, SEAL
from leveret.wire.letter import LetterBody
from support.tested import LIMIT, Gate, Opening, content_of, publish


def body(letter: Letter) -> LetterBody:
    assert isinstance(letter.content, LetterBody)
    return letter.content


async def give_up(user: AsyncTestClient, request_id: str, **data: Any) -> None:
    await user.send("write", {"text": "x", "then": "bug", **data}, id=request_id)
    await user.advance("1s")


async def test_a_letter_tells_what_was_asked_why_it_failed_and_how_often(user: AsyncTestClient) -> None:
    await give_up(user, "lost")
    [letter] = await user.letters()
    found = body(letter)
    assert found.request == {
        "id": "lost",
        "version": "v1",
        "action": "write",
        "data": {"text": "x", "then": "bug"},
    }
    assert found.reason == "retries exhausted: KeyError: 'nobody foresaw this'"
    assert (found.code, found.exception) == (RetriesExhausted.code, "KeyError")
    assert (letter.reason, letter.code, letter.attempts) == (found.reason, found.code, found.attempts)
    assert str(found.place).startswith("support/tested.py:")
    assert [attempt.reason for attempt in found.attempts or ()] == ["KeyError: 'nobody foresaw this'"] * 4
    assert {attempt.worker for attempt in found.attempts or ()} == {"test"}
    assert (letter.correlation_id, letter.message_id, letter.redelivered) == ("lost", found.message_id, False)


async def test_its_headers_name_the_caller_and_the_way_through_the_last_retry_queue(user: AsyncTestClient) -> None:
    await give_up(user, "lost")
    [letter] = await user.letters()
    assert (letter.headers[PRINCIPAL], letter.headers[RETRY_COUNT]) == ("7", 3)
    assert isinstance(letter.headers[SEAL], str)
    [death] = letter.deaths
    assert death.queue.endswith(".requests.retry.400ms")
    assert (death.reason, death.count) == ("expired", 1)
    headers = body(letter).headers
    last = {name for name in headers if name.startswith("x-last-death-")}  # RabbitMQ writes them from 4.0
    assert len(last) in (0, 3)
    assert sorted(headers.keys() - last) == [
        "x-death",
        "x-first-death-exchange",
        "x-first-death-queue",
        "x-first-death-reason",
        "x-retry-count",
    ]
    [table] = headers["x-death"]
    assert sorted(table) == ["count", "exchange", "queue", "reason", "routing-keys", "time"]
    assert (table["exchange"], table["routing-keys"]) == ("", [table["queue"]])


async def test_a_letter_of_a_first_attempt_has_the_headers_of_its_caller(opening: Opening) -> None:
    async with opening(MAX_RETRIES=0) as client:
        user = client.as_user("7")
        await user.send("write", {"text": "x", "then": "bug"}, id="sent")
        with pytest.raises(Exception, match="kept as a dead letter"):
            await user.call("write", {"text": "x", "then": "bug"}, id="called")
        sent, called = await user.letters()
        assert (body(sent).headers, sent.deaths) == ({}, ())
        assert sorted(body(called).headers) == ["x-deadline", "x-timeout"]


async def test_letters_stand_in_their_order_and_looking_changes_nothing(user: AsyncTestClient) -> None:
    for name in ("a", "b", "c"):
        await user.send("no_such_action", id=name)
        await user.settled()
    for looked_at in (False, True, True):
        letters = await user.letters()
        assert [letter.correlation_id for letter in letters] == ["a", "b", "c"]
        assert {letter.redelivered for letter in letters} == {looked_at}


async def test_a_refusal_that_nobody_waits_for_is_a_letter(user: AsyncTestClient) -> None:
    await user.send("no_such_action", id="a")
    await user.send("write", {"text": 5}, id="b")
    await user.settled()
    first, second = map(body, await user.letters())
    assert (first.code, first.reason) == (UnknownAction.code, "unknown_action: Unknown action: v1.no_such_action")
    assert (second.code, second.reason) == (
        InvalidRequest.code,
        "invalid_request: Field text: Expected `str`, got `int`",
    )


@pytest.mark.parametrize("content", [b"not json", b"\xff\xfe", b"[]", b'{"id": "x"}', b""])
async def test_what_is_not_a_request_is_a_letter(content: bytes, client: AsyncTestClient) -> None:
    await publish(client, content, correlation_id="strange")
    [letter] = await client.letters()
    assert body(letter).code == InvalidRequest.code
    assert letter.correlation_id == "strange"
    with pytest.raises(NotRedrivable):
        await client.redrive()


async def test_a_forged_retry_is_refused(client: AsyncTestClient) -> None:
    content = b'{"id": "x", "version": "v1", "action": "count", "data": {}}'
    await publish(client, content, correlation_id="x", headers={RETRY_COUNT: 1})
    [letter] = await client.letters()
    assert body(letter).reason == f"invalid_request: Header {RETRY_COUNT} is not for callers: leave it out"


async def test_a_request_that_expires_in_its_queue_is_moved_by_the_broker(opening: Opening, gate: Gate) -> None:
    async with opening(PREFETCH=1) as client:
        user = client.as_user("7")
        await user.send("pass_gate", id="in the way")
        await gate.begins()
        content = b'{"id": "late", "version": "v1", "action": "count", "data": {}}'
        await publish(client, content, correlation_id="late", expiration="50", headers={"mine": "kept"})
        client._setup.ledger.forget("late")  # no worker will see it
        await client._setup.broker.wait(0.2)
        gate.opened.set()
        async with asyncio.timeout(LIMIT):
            while not (letters := await user.letters()):  # noqa: ASYNC110 -- the broker moves it when it likes to
                await asyncio.sleep(0.01)
        [letter] = letters
        assert letter.content == content
        assert (letter.reason, letter.code, letter.attempts) == ("", "", ())
        assert letter.deaths == (Death(client._setup.topology.requests, "expired", 1),)
        assert (letter.headers["mine"], letter.headers["x-death"][0]["original-expiration"]) == ("kept", "50")
        with pytest.raises(NotRedrivable, match="no worker wrote this"):
            await client.redrive("late")


async def test_a_letter_is_sent_again_and_gone(opening: Opening) -> None:
    async with opening(MAX_RETRIES=0) as client:
        user = client.as_user("7")
        await user.send("flaky", {"fails": 1}, id="f")
        await user.settled()
        assert await user.redrive("another") == 0
        assert len(await user.letters()) == 1
        assert await user.redrive("f") == 1
        [letter] = await user.letters()  # it has failed again
        assert body(letter).attempts != []
        assert letter.headers[PRINCIPAL] == "7"


async def test_what_is_sent_again_has_its_effect_once(user: AsyncTestClient) -> None:
    await user.send("write", {"text": "x", "then": "temporary"}, id="a")
    await user.advance("1s")
    assert len(await user.letters()) == 1
    assert await user.redrive() == 1
    await user.advance("1s")
    assert len(await user.letters()) == 1
    assert await user.call("count") == 0


async def test_a_letter_of_a_late_request_is_not_sent_again(opening: Opening, gate: Gate) -> None:
    async with opening(PREFETCH=1) as client:
        user = client.as_user("7")
        await user.send("pass_gate", id="in the way")
        await gate.begins()
        content = content_of("late", "write", {"text": "x"}, user)
        await publish(client, content, correlation_id="late", headers={"x-deadline": 1})
        gate.opened.set()
        [letter] = await user.letters()
        assert body(letter).code == DeadlineExceeded.code
        with pytest.raises(NotRedrivable, match="for the moment only"):
            await user.redrive()
