"""Each request has its effect once, whatever is between worker and client."""

from __future__ import annotations

import asyncio

import pytest

from leveret.errors import Conflict, IdReused
from leveret.testing import AsyncTestClient
from support.tested import Opening, notes


async def test_the_same_id_again_gets_the_same_bytes_and_has_no_second_effect(user: AsyncTestClient) -> None:
    first = await user.ask("write", {"text": "hello"}, id="one")
    again = await user.ask("write", {"text": "hello"}, id="one")
    assert again.body == first.body
    assert first.reply.data == {"id": 1, "text": "hello"}
    assert await user.call("count") == 1


async def test_the_same_id_for_something_else_is_refused(user: AsyncTestClient) -> None:
    await user.call("write", {"text": "hello"}, id="one")
    with pytest.raises(IdReused, match="'one' was used before"):
        await user.call("write", {"text": "other"}, id="one")
    with pytest.raises(IdReused):
        await user.call("write", {"text": "hello"}, id="one", version="v2")
    assert await user.call("count") == 1


async def test_two_callers_may_use_one_id(client: AsyncTestClient) -> None:
    first, second = client.as_user("1"), client.as_user("2")
    assert (await first.call("write", {"text": "a"}, id="one"))["text"] == "a"
    assert (await second.call("write", {"text": "b"}, id="one"))["text"] == "b"
    assert (await first.call("count"), await second.call("count")) == (1, 1)


async def test_a_refusal_is_a_response_too_and_is_repeated(user: AsyncTestClient) -> None:
    first = await user.ask("write", {"text": "x", "then": "conflict"}, id="no")
    again = await user.ask("write", {"text": "x", "then": "conflict"}, id="no")
    assert again.body == first.body
    assert (first.reply.code, first.reply.details) == (Conflict.code, {"field": "text"})
    assert await user.call("count") == 0


async def test_a_read_is_not_repeated_but_read_again_unless_all_is_stored(opening: Opening) -> None:
    async with opening() as client:
        user = client.as_user("7")
        before = await user.call("count", id="how-many")
        await user.call("write", {"text": "x"})
        assert (before, await user.call("count", id="how-many")) == (0, 1)
    async with opening(REPLAY="all") as client:
        user = client.as_user("7")
        before = await user.call("count", id="how-many")
        await user.call("write", {"text": "x"})
        assert (before, await user.call("count", id="how-many")) == (0, 0)


async def test_equal_calls_at_the_same_time_are_one_request(user: AsyncTestClient) -> None:
    calls = [user.call("write", {"text": "x"}, id="both") for _ in range(3)]
    assert await asyncio.gather(*calls) == [{"id": 1, "text": "x"}] * 3
    assert await user.call("count") == 1


async def test_many_requests_at_once_have_one_effect_each(user: AsyncTestClient) -> None:
    replies = await asyncio.gather(*(user.call("write", {"text": str(n)}, id=f"n{n}") for n in range(100)))
    assert sorted(reply["text"] for reply in replies) == sorted(map(str, range(100)))
    again = await asyncio.gather(*(user.call("write", {"text": str(n)}, id=f"n{n}") for n in range(100)))
    assert again == replies
    assert await user.call("count") == 100


async def test_an_async_action_has_its_transaction_once(client: AsyncTestClient) -> None:
    wanted = {"user": "ada", "password": "a long one"}
    first = await client.ask("sign_up", wanted, id="up")
    again = await client.ask("sign_up", wanted, id="up")
    assert (again.body, first.reply.status) == (first.body, "ok")
    with pytest.raises(Conflict, match="already exists") as refused:
        await client.call("sign_up", wanted)
    assert refused.value.details == {"user": "ada"}


async def test_what_was_sent_without_a_reply_is_carried_out_once(user: AsyncTestClient) -> None:
    assert await user.send("write", {"text": "x"}, id="sent") == "sent"
    await user.settled()
    await user.send("write", {"text": "x"}, id="sent")
    await user.settled()
    assert await user.call("write", {"text": "x"}, id="sent") == {"id": 1, "text": "x"}
    with user.engine.connect() as connection:
        assert [row.text for row in connection.execute(notes.select())] == ["x"]


async def test_a_response_that_holds_a_secret_is_never_stored(client: AsyncTestClient) -> None:
    wanted = {"user": "ada", "password": "a long one"}
    first = await client.call("log_in", wanted, id="in")
    again = await client.call("log_in", wanted, id="in")
    assert (first["count"], again["count"]) == (1, 2)
