"""A context manager that one task holds, whoever opens and closes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from leveret.testing.held import Held

SEEN: list[BaseException | None] = []


@asynccontextmanager
async def manager() -> AsyncIterator[int]:
    SEEN.clear()
    async with asyncio.TaskGroup():
        try:
            yield 7
        except BaseException as error:
            SEEN.append(error)
            raise
        SEEN.append(None)


async def test_it_is_entered_and_left_in_one_task_though_others_ask_for_it() -> None:
    held = Held(manager())
    assert await asyncio.create_task(held.open()) == 7
    await asyncio.create_task(held.close())
    assert SEEN == [None]


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(3)])
async def test_it_is_told_why_it_is_closed_and_that_is_not_raised_twice(error: BaseException) -> None:
    @asynccontextmanager
    async def plain() -> AsyncIterator[None]:
        try:
            yield
        except BaseException as raised:
            SEEN[:] = [raised]
            raise

    held = Held(plain())
    await held.open()
    await held.close(error)
    assert [error] == SEEN


async def test_what_fails_while_it_opens_is_raised() -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[int]:
        nothing: dict[str, int] = {}
        yield nothing["x"]

    with pytest.raises(KeyError):
        await Held(broken()).open()


async def test_opening_that_is_cancelled_is_undone_before_it_returns() -> None:
    begun, left = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def slow() -> AsyncIterator[None]:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        yield

    opening = asyncio.create_task(Held(slow()).open())
    await begun.wait()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert left.is_set()


async def test_closing_what_was_not_opened_does_nothing() -> None:
    await Held(manager()).close()
