"""When requests begin that were delivered before, and those that a worker died on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from leveret.worker.run.wait_budget import MOST, TICK
from leveret.worker.work import Work
from support.skipping_loop import run_skipping
from support.watched_floor import POISON, SUSPECT, WatchedFloor, on_floor, turns


@on_floor
async def test_an_ordinary_request_begins_at_once_and_without_a_task(floor: WatchedFloor) -> None:
    tasks = asyncio.all_tasks()
    floor.admit(floor.new("a"), floor.new("b", is_async=True))
    assert floor.begun == ["a", "b"]
    assert asyncio.all_tasks() == tasks


@on_floor
async def test_a_suspect_waits_for_what_was_published_before_it(floor: WatchedFloor) -> None:
    floor.publish("first")
    floor.publish("second")
    floor.admit(floor.again(SUSPECT))
    await turns()
    await floor.confirm("second")
    assert floor.begun == []
    floor.publish("later")
    await floor.confirm("first")
    assert floor.begun == [SUSPECT]


@on_floor
async def test_a_suspect_waits_for_whatever_runs(floor: WatchedFloor) -> None:
    floor.admit(floor.new("async", is_async=True))
    floor.admit(floor.again(SUSPECT))
    await asyncio.sleep(60)
    assert floor.begun == ["async"]
    floor.end_request()
    await turns()
    assert floor.begun == ["async", SUSPECT]


@on_floor
async def test_others_wait_until_a_suspect_is_settled(floor: WatchedFloor) -> None:
    floor.admit(floor.again(SUSPECT))
    await turns()
    floor.admit(floor.new("other"))
    floor.publish(SUSPECT)
    floor.end()
    await asyncio.sleep(60)
    assert floor.begun == [SUSPECT]
    await floor.confirm(SUSPECT)
    assert floor.begun == [SUSPECT, "other"]


@on_floor
async def test_a_suspect_that_fails_is_moved_and_its_letter_is_waited_for(floor: WatchedFloor) -> None:
    floor.admit(floor.again(SUSPECT))
    await turns()
    floor.admit(floor.new("other"))
    floor.fail(SUSPECT)
    floor.end()
    await turns()
    assert (floor.moved, floor.begun) == ([[SUSPECT]], [SUSPECT])
    await floor.confirm(SUSPECT)
    assert floor.begun == [SUSPECT, "other"]


@on_floor
async def test_what_no_worker_died_on_does_not_wait_for_confirms(floor: WatchedFloor) -> None:
    floor.publish("before")
    floor.admit(floor.new("new", is_async=True), floor.again("async", is_async=True), floor.again("in a lane"))
    await turns()
    assert floor.begun == ["new", "in a lane"]
    floor.end()
    await turns()
    assert floor.begun == ["new", "in a lane", "async"]


@on_floor
async def test_in_the_lanes_one_after_the_other_begins_and_new_ones_after_them(floor: WatchedFloor) -> None:
    floor.admit(floor.new("new"), floor.again("first"), floor.again("second"))
    await turns()
    assert floor.begun == ["new"]
    floor.end()
    await turns()
    assert floor.begun == ["new", "first"]
    floor.admit(floor.new("late"))
    floor.end()
    await turns()
    assert floor.begun == ["new", "first", "second"]
    floor.end()
    await turns()
    assert floor.begun == ["new", "first", "second", "late"]


@on_floor
async def test_the_last_one_is_alone_too(floor: WatchedFloor) -> None:
    floor.admit(floor.again("only"))
    await turns()
    floor.admit(floor.new("late"), floor.new("late async", is_async=True))
    await turns()
    assert floor.begun == ["only"]
    floor.end()
    await turns()
    assert floor.begun == ["only", "late", "late async"]


@on_floor
async def test_when_it_has_ended_nobody_waits_for_what_else_runs_in_the_lanes(floor: WatchedFloor) -> None:
    floor.admit(floor.again("only"))
    await turns()
    floor.end()
    await turns()
    floor.lanes.begin()  # an async action's transaction
    floor.admit(floor.new("late"))
    assert floor.begun == ["only", "late"]


@on_floor
async def test_a_letter_that_comes_between_goes_first(floor: WatchedFloor) -> None:
    floor.admit(floor.again("first"), floor.again("second"))
    await turns()
    floor.fail("first")
    floor.end()
    floor.admit(floor.new("late"))
    await turns()
    assert (floor.moved, floor.begun) == ([["first"]], ["first"])
    await floor.confirm("first")
    assert floor.begun == ["first", "second"]
    floor.end()
    await turns()
    assert floor.begun == ["first", "second", "late"]


@pytest.mark.parametrize(
    ("works", "before", "after"),
    [
        (lambda floor: [floor.new("hung"), floor.again("a"), floor.again("b")], ["hung"], ["hung", "a", "b"]),
        (lambda floor: [floor.again("hung"), floor.again("a")], ["hung"], ["hung", "a"]),
        (lambda floor: [floor.again("hung"), floor.again("async", is_async=True)], ["hung"], ["hung", "async"]),
    ],
    ids=["a new one", "one that was delivered before", "an async one waits"],
)
def test_an_action_that_hangs_in_a_lane_does_not_hold_up_others_for_long(
    works: Callable[[WatchedFloor], list[Work]], before: list[str], after: list[str]
) -> None:
    @on_floor
    async def main(floor: WatchedFloor) -> None:
        floor.admit(*works(floor))
        await asyncio.sleep(MOST - TICK)
        assert floor.begun == before
        await asyncio.sleep(2 * TICK)
        assert floor.begun == after

    main()


@on_floor
async def test_a_suspect_that_waits_for_confirms_has_its_turn_after_a_reading_that_comes(floor: WatchedFloor) -> None:
    floor.publish("before")
    floor.admit(floor.again(SUSPECT))
    await turns()
    async with floor.floor.alone():
        await floor.confirm("before")
        assert floor.begun == []
    await turns()
    assert floor.begun == [SUSPECT]


@on_floor
async def test_a_suspect_does_not_take_the_turn_of_one_that_was_withdrawn(floor: WatchedFloor) -> None:
    floor.publish("first")
    floor.admit(floor.again(SUSPECT))
    await turns()
    assert len(floor.floor.withdraw()) == 1
    floor.publish("second")
    floor.admit(floor.again(SUSPECT))
    await turns()
    await floor.confirm("first")
    assert floor.begun == []
    await floor.confirm("second")
    assert floor.begun == [SUSPECT]


@on_floor
async def test_when_a_suspect_was_withdrawn_others_begin_without_the_confirms_that_it_waited_for(
    floor: WatchedFloor,
) -> None:
    floor.publish("held up by an alarm")
    floor.admit(floor.again(SUSPECT))
    await turns()
    floor.floor.withdraw()
    await turns()
    floor.admit(floor.new("new"))
    assert floor.begun == ["new"]


@on_floor
async def test_what_has_not_begun_can_be_withdrawn(floor: WatchedFloor) -> None:
    floor.admit(floor.new("new"), floor.again("first"), floor.again(SUSPECT))
    await turns()
    floor.admit(floor.new("late"))
    assert {each.request.id for each in floor.floor.withdraw()} == {"first", SUSPECT, "late"}
    floor.end()
    await turns()
    assert floor.begun == ["new"]


@on_floor
async def test_a_message_is_read_while_no_lane_runs_anything_and_nothing_begins(floor: WatchedFloor) -> None:
    floor.admit(floor.new("before"))
    read: list[str] = []

    async def read_alone(name: str) -> None:
        async with floor.floor.alone():
            read.append(name)
            await asyncio.sleep(1)
            assert floor.begun == ["before"]

    reading = [asyncio.create_task(read_alone(name)) for name in ("first", "second")]
    await turns()
    assert read == []
    floor.admit(floor.new("late"))
    floor.end()
    await asyncio.sleep(0.5)
    assert read == ["first"]
    await asyncio.gather(*reading)
    await turns()
    assert (read, floor.begun) == (["first", "second"], ["before", "late"])


@on_floor
async def test_a_reading_that_is_cancelled_holds_nobody_up(floor: WatchedFloor) -> None:
    async def read() -> None:
        async with floor.floor.alone():
            await asyncio.sleep(60)

    for seconds in (0.0, 1.0):
        reading = asyncio.create_task(read())
        await asyncio.sleep(seconds)
        reading.cancel()
        await turns()
        assert floor.is_open()


@on_floor
async def test_an_error_that_nobody_expects_is_told_of(floor: WatchedFloor) -> None:
    floor.fail(POISON)
    await turns()
    assert [str(error) for error in floor.broken] == [POISON]


def test_after_the_end_nothing_begins_and_nothing_is_moved() -> None:
    async def main() -> None:
        floor = WatchedFloor()
        floor.admit(floor.new("runs"), floor.again("again"), floor.again(SUSPECT))
        await turns()
        floor.fail("failed")
        floor.floor.end()
        floor.end()
        await asyncio.sleep(MOST + 1)
        assert (floor.begun, floor.moved) == (["runs"], [])

    run_skipping(main())
