"""With ``raise_errors``, what an action raises is raised in the test."""

from __future__ import annotations

import traceback

import pytest

from leveret.errors import Conflict, UnknownAction
from leveret.testing import AsyncTestClient
from support.tested import Opening


def places(error: BaseException) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


LATER = "60s"
"""A delay after which a test is over: on a busy machine a retry of the usual delay comes while it runs."""


@pytest.mark.parametrize(
    ("action", "data", "kind", "where"),
    [
        ("write", {"text": "x", "then": "bug"}, KeyError, "write"),
        ("write", {"text": "x", "then": "conflict"}, Conflict, "write"),
        ("sign_up", {"user": "bug", "password": "a long one"}, KeyError, "signed_up"),
    ],
)
async def test_a_call_raises_it_at_once_with_its_traceback(
    action: str, data: dict[str, str], kind: type[Exception], where: str, opening: Opening
) -> None:
    async with opening(raise_errors=True, RETRY_DELAY=LATER) as client:
        with pytest.raises(kind) as raised:
            await client.as_user("7").call(action, data)
        assert where in places(raised.value)


async def test_what_was_sent_raises_it_when_the_test_waits(opening: Opening) -> None:
    async with opening(raise_errors=True, RETRY_DELAY=LATER) as client:
        await client.as_user("7").send("write", {"text": "x", "then": "bug"})
        with pytest.raises(KeyError) as raised:
            await client.settled()
        assert "write" in places(raised.value)
        await client.settled()


async def test_what_nobody_saw_is_raised_at_the_end_of_the_block(opening: Opening) -> None:
    with pytest.raises(KeyError) as raised:
        async with opening(raise_errors=True, RETRY_DELAY=LATER) as client:
            await client.as_user("7").send("write", {"text": "x", "then": "bug"})
    assert "write" in places(raised.value)


async def test_a_block_that_fails_fails_with_its_own_error(opening: Opening) -> None:
    async def block() -> None:
        async with opening(raise_errors=True) as client:
            await client.as_user("7").send("write", {"text": "x", "then": "bug"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await block()


async def test_letters_and_redriving_raise_nothing_of_it(opening: Opening) -> None:
    async with opening(raise_errors=True, MAX_RETRIES=0) as client:
        for then in ("bug", "temporary"):
            await client.as_user("7").send("write", {"text": "x", "then": then}, id=then)
        assert sorted(letter.correlation_id or "" for letter in await client.letters()) == ["bug", "temporary"]
        with pytest.raises(ExceptionGroup) as raised:
            await client.settled()
        assert sorted(type(error).__name__ for error in raised.value.exceptions) == ["KeyError", "TemporaryError"]
        assert await client.redrive("bug") == 1
        with pytest.raises(KeyError):
            await client.settled()


async def test_all_the_time_passes_before_it_is_raised(opening: Opening) -> None:
    async with opening(raise_errors=True) as client:
        await client.as_user("7").send("write", {"text": "x", "then": "bug"})
        with pytest.raises(ExceptionGroup) as raised:
            await client.advance("2s")
        assert [type(error) for error in raised.value.exceptions] == [KeyError] * 4
        assert (await client.retries(), len(await client.letters())) == ([], 1)


async def test_an_action_that_takes_too_long_has_timed_out(opening: Opening) -> None:
    async with opening(raise_errors=True, RETRY_DELAY=LATER) as client:
        with pytest.raises(TimeoutError, match=r"^took longer than 0\.05 s$"):
            await client.as_user("7").call("hang")


@pytest.mark.parametrize("action", ["exit", "exit_later"])
async def test_an_action_that_ends_the_program_does_not_end_the_test(action: str, opening: Opening) -> None:
    async with opening(raise_errors=True, RETRY_DELAY=LATER) as client:
        with pytest.raises(RuntimeError, match=r"the action raised SystemExit\(3\)") as raised:
            await client.as_user("7").call(action)
        assert isinstance(raised.value.__cause__, SystemExit)
        assert await client.as_user("7").call("count") == 0


async def test_refusals_that_no_action_raised_and_answers_are_as_always(opening: Opening) -> None:
    async with opening(raise_errors=True) as client:
        user = client.as_user("7")
        with pytest.raises(UnknownAction):
            await user.call("no_such_action")
        assert await user.call("write", {"text": "x"}) == {"id": 1, "text": "x"}
        assert await user.call("flaky", {"fails": 0}) == {"id": 2, "retries": 0}


async def test_without_it_a_call_gets_a_response(user: AsyncTestClient) -> None:
    with pytest.raises(Conflict) as refused:
        await user.call("write", {"text": "x", "then": "conflict"})
    assert "write" not in places(refused.value)
