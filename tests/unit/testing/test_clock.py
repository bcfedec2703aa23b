"""A clock that a test can move ahead."""

from __future__ import annotations

import asyncio

import pytest

from leveret.testing.clock import MovableClock


class Settled:
    """Counts how often it was waited for."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1


async def test_what_is_due_is_called_in_order_each_at_its_own_moment() -> None:
    clock, told = MovableClock(), list[tuple[str, int]]()
    begin = clock.steady()

    def tell(name: str) -> None:
        told.append((name, round(clock.steady() - begin)))

    for name, seconds in (("late", 50), ("soon", 20), ("never", 500), ("soon too", 20)):
        clock.call_at(begin + seconds, lambda name=name: tell(name))  # type: ignore[misc]  # a loop's variable is bound so
    settled = Settled()
    await clock.advance(100, settled)
    assert told == [("soon", 20), ("soon too", 20), ("late", 50)]
    assert settled.times >= 4
    assert clock.steady() - begin >= 100
    clock.close()


async def test_what_becomes_due_because_of_what_was_due_is_called_in_the_same_advance() -> None:
    clock, told = MovableClock(), list[str]()
    begin = clock.steady()

    def again() -> None:
        told.append("again")
        if len(told) < 3:
            clock.call_at(clock.steady() + 30, again)

    clock.call_at(begin + 30, again)
    await clock.advance(100, Settled())
    assert told == ["again"] * 3
    clock.close()


async def test_what_is_cancelled_is_not_called() -> None:
    clock, told = MovableClock(), list[str]()
    timer = clock.call_at(clock.steady() + 5, lambda: told.append("x"))
    timer.cancel()
    await clock.advance(10, Settled())
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
    await clock.advance(3600, Settled())
    assert clock.posix() - posix == pytest.approx(clock.steady() - steady, abs=0.5)
    assert clock.posix() - posix >= 3600
    clock.close()
