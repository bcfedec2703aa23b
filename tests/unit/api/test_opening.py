"""Failures while resources are built and closed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest

from leveret.api.opening import opened
from leveret.api.resources import resource_of
from leveret.errors import NotClosed

EVENTS: list[str] = []


class A: ...


class B: ...


class C: ...


@pytest.fixture(autouse=True)
def _no_events() -> None:
    EVENTS.clear()


def opening(*functions: Callable[..., Any], lifespan: Any = None) -> Any:
    return opened([resource_of(function) for function in functions], {}, lifespan)


def of_a() -> Iterator[A]:
    yield A()
    EVENTS.append("a closed")


async def of_b(a: A) -> AsyncIterator[B]:
    yield B()
    EVENTS.append("b closed")


def not_closed(a: A) -> Iterator[C]:
    yield C()
    raise OSError("c is stuck")


@asynccontextmanager
async def life() -> AsyncIterator[str]:
    yield "services"
    EVENTS.append("life over")


async def test_what_cannot_be_closed_is_reported_and_the_rest_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(NotClosed) as caught:
        async with opening(of_a, of_b, not_closed, lifespan=life()):
            pass
    assert EVENTS == ["b closed", "a closed", "life over"]
    assert [str(error) for error in caught.value.errors.values()] == ["c is stuck"]
    assert str(caught.value) == f"could not be closed, as the log says: {__name__}.not_closed"
    assert str(caught.value.__cause__) == "c is stuck"
    ((name, level, text),) = caplog.record_tuples
    assert (name, level, text) == ("leveret.api", logging.ERROR, f"{__name__}.not_closed could not be closed")


async def test_several_that_cannot_be_closed_are_all_reported() -> None:
    async def neither(a: A) -> AsyncIterator[B]:
        yield B()
        raise ValueError("nor is b closed")

    with pytest.raises(NotClosed) as caught:
        async with opening(of_a, neither, not_closed):
            pass
    assert [str(error) for error in caught.value.errors.values()] == ["c is stuck", "nor is b closed"]


async def test_the_error_of_the_work_is_not_replaced_by_one_of_closing(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError, match="work"):
        async with opening(of_a, not_closed):
            raise RuntimeError("work")
    assert EVENTS == ["a closed"]
    assert "not_closed could not be closed" in caplog.text


async def test_resources_are_closed_without_being_told_why() -> None:
    """A generator that goes on behind its yield closes what it made, with or without try and finally."""

    def swallowing() -> Iterator[C]:
        try:
            yield C()
        except BaseException:  # it must not get one
            EVENTS.append("told")
        EVENTS.append("c closed")

    with pytest.raises(RuntimeError, match="work"):
        async with opening(swallowing, lifespan=life()):
            raise RuntimeError("work")
    assert EVENTS == ["c closed", "life over"]


async def test_what_is_built_is_closed_when_another_cannot_be_built() -> None:
    async def never(b: B) -> C:
        raise OSError("not there")

    with pytest.raises(OSError, match="not there") as caught:
        async with opening(of_a, of_b, never, lifespan=life()):
            pytest.fail("opened")
    assert EVENTS == ["b closed", "a closed", "life over"]
    (note,) = caught.value.__notes__
    assert note.endswith("never was building a C")


async def test_a_cancellation_while_closing_closes_the_rest_and_stays_a_cancellation() -> None:
    closing = asyncio.Event()

    async def slow(a: A) -> AsyncIterator[C]:
        yield C()
        closing.set()
        await asyncio.Event().wait()

    async def work() -> None:
        async with opening(of_a, slow):
            pass

    task = asyncio.create_task(work())
    await closing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert EVENTS == ["a closed"]


def twice() -> Iterator[C]:
    try:
        yield C()
        yield C()
    finally:
        EVENTS.append("ended")


async def twice_later() -> AsyncIterator[C]:
    try:
        yield C()
        yield C()
    finally:
        EVENTS.append("ended")


@pytest.mark.parametrize("function", [twice, twice_later])
async def test_a_second_yield_is_an_error(function: Callable[..., Any]) -> None:
    with pytest.raises(NotClosed) as caught:
        async with opening(function):
            pass
    (error,) = caught.value.errors.values()
    assert str(error) == f"{__name__}.{function.__name__} has yielded twice"
    assert EVENTS == ["ended"]


def never_yields() -> Iterator[C]:
    if EVENTS:
        yield C()


async def never_yields_later() -> AsyncIterator[C]:
    if EVENTS:
        yield C()


@pytest.mark.parametrize("function", [never_yields, never_yields_later])
async def test_a_generator_that_does_not_yield_is_an_error(function: Callable[..., Any]) -> None:
    with pytest.raises(RuntimeError, match=rf"{function.__name__} has not yielded"):
        async with opening(function):
            pytest.fail("opened")


async def test_every_kind_of_function_builds() -> None:
    def plain(a: A) -> C:
        return C()

    async def later(a: A) -> B:
        return B()

    async with opening(of_a, later, plain) as (services, instances):
        assert services is None
        assert {kind: type(instance) for kind, instance in instances.items()} == {A: A, B: B, C: C}


async def test_what_a_function_can_do_without_is_not_given_when_it_is_not_there() -> None:
    default = B()

    def alone(a: A | None = None, other: Annotated[B, {"no": "hash"}] = default) -> C:
        assert (a, other) == (None, default)
        return C()

    async with opening(alone) as (_, instances):
        assert isinstance(instances[C], C)
