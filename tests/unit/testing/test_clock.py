"""A clock that a test can move ahead."""

from __future__ import annotations

import asyncio

import pytest

from leveret.testing.clock import MovableClock


async def test_what_has_become_due_is_called_in_the_order_of_its_moments() -> None:
    clock, told = MovableClock(), list[str]()
    begin = clock.steady()
    clock.call_at(begin + 50, lambda: told.append("late"))
    clock.call_at(begin + 20, lambda: told.append("soon"))
    clock.call_at(begin + 500, lambda: told.append("never"))
    clock.call_at(begin + 20, lambda: told.append("soon too"))
    assert clock.next_due() == begin + 20
    await clock.move(100)
    assert told == ["soon", "soon too", "late"]
    assert clock.next_due() == begin + 500
    clock.close()


async def test_what_is_due_at_once_because_of_what_was_due_is_called_too() -> None:
    clock, told = MovableClock(), list[str]()
    begin = clock.steady()

    def again() -> None:
        told.append("again")
        if len(told) < 3:
            clock.call_at(begin + 30 * (len(told) + 1), again)

    clock.call_at(begin + 30, again)
    await clock.move(100)
    assert told == ["again"] * 3
    clock.close()


async def test_what_is_cancelled_is_neither_due_nor_called() -> None:
    clock, told = MovableClock(), list[str]()
    timer = clock.call_at(clock.steady() + 5, lambda: told.append("x"))
    timer.cancel()
    assert clock.next_due() is None
    await clock.move(10)
    assert told == []
    clock.close()


@pytest.mark.parametrize("seconds", [0.01, -1])
async def test_it_goes_on_by_itself_too(seconds: float) -> None:
    clock, called = MovableClock(), asyncio.Event()
    clock.call_at(clock.steady() + seconds, called.set)
    async with asyncio.timeout(10):
        await called.wait()
    clock.close()


async def test_after_its_end_it_calls_nothing() -> None:
    clock, told = MovableClock(), list[str]()
    clock.call_at(clock.steady(), lambda: told.append("x"))
    clock.close()
    await asyncio.sleep(0)
    assert told == []


async def test_both_of_its_times_are_moved_alike() -> None:
    clock = MovableClock()
    posix, steady = clock.posix(), clock.steady()
    await clock.move(3600)
    assert clock.posix() - posix == pytest.approx(clock.steady() - steady, abs=0.5)
    assert clock.posix() - posix >= 3600
    clock.close()
