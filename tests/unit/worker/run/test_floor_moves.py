"""When a failed request is moved on, when others may begin again, and how long that is waited for."""

from __future__ import annotations

import asyncio
import logging

import pytest

from leveret.worker.run.wait_budget import FREE, MOST, SHARE, TICK
from support.watched_floor import WatchedFloor, on_floor, turns


@on_floor
async def test_requests_are_moved_when_no_lane_runs_anything_and_others_begin_when_they_are_settled(
    floor: WatchedFloor,
) -> None:
    floor.lanes.begin()
    floor.fail("a")
    floor.fail("b", "c")
    await turns()
    assert (floor.moved, floor.is_open()) == ([], False)
    floor.lanes.end()
    await turns()
    assert (floor.moved, floor.is_open()) == ([["a", "b", "c"]], False)
    await floor.confirm("a", "b", "c")
    assert floor.is_open()


@on_floor
async def test_while_no_lane_is_busy_they_are_moved_at_once(floor: WatchedFloor) -> None:
    floor.fail("a")
    await turns()
    assert (floor.moved, floor.is_open()) == ([["a"]], False)
    await floor.confirm("a")
    assert floor.is_open()


@on_floor
async def test_what_was_published_before_is_waited_for_too(floor: WatchedFloor) -> None:
    floor.publish("reply")
    floor.fail("a")
    await turns()
    await floor.confirm("a")
    assert not floor.is_open()
    await floor.confirm("reply")
    assert floor.is_open()


@on_floor
async def test_what_fails_meanwhile_is_moved_too_and_waited_for(floor: WatchedFloor) -> None:
    floor.fail("a")
    await turns()
    floor.fail("b")
    await floor.confirm("a")
    assert (floor.moved, floor.is_open()) == ([["a"], ["b"]], False)
    await floor.confirm("b")
    assert floor.is_open()


@on_floor
async def test_an_action_that_takes_long_holds_up_nobody_for_long(floor: WatchedFloor) -> None:
    floor.lanes.begin()
    floor.fail("a")
    await asyncio.sleep(MOST - TICK)
    assert (floor.moved, floor.is_open()) == ([], False)
    await asyncio.sleep(2 * TICK)
    assert (floor.moved, floor.is_open()) == ([["a"]], True)


@on_floor
async def test_as_long_as_requests_end_the_lanes_are_waited_for(floor: WatchedFloor) -> None:
    floor.lanes.begin()
    floor.fail("a")
    for _ in range(50):
        await asyncio.sleep(TICK)
        floor.lanes.progress += 1
    assert (floor.moved, floor.is_open()) == ([], False)
    floor.lanes.end()
    await turns()
    await floor.confirm("a")
    assert (floor.moved, floor.is_open()) == ([["a"]], True)


@on_floor
async def test_a_confirm_that_takes_long_holds_up_nobody_for_long(floor: WatchedFloor) -> None:
    floor.fail("a")
    await asyncio.sleep(MOST - TICK)
    assert (floor.moved, floor.is_open()) == ([["a"]], False)
    await asyncio.sleep(2 * TICK)
    assert (floor.moved, floor.is_open()) == ([["a"]], True)
    floor.lanes.begin()
    floor.fail("b")
    assert (floor.moved, floor.is_open()) == ([["a"], ["b"]], True)
    await floor.confirm("a", "b")
    assert floor.is_open()


@on_floor
async def test_what_fails_while_a_confirm_takes_long_is_moved_when_that_is_waited_for_no_longer(
    floor: WatchedFloor,
) -> None:
    floor.fail("a")
    await turns()
    floor.lanes.begin()
    floor.fail("b")
    for _ in range(20):  # the lanes go on
        await asyncio.sleep(TICK)
        floor.lanes.progress += 1
    assert (floor.moved, floor.is_open()) == ([["a"], ["b"]], True)


@on_floor
async def test_the_budget_comes_back_in_time(floor: WatchedFloor) -> None:
    floor.lanes.begin()
    floor.fail("a")
    await asyncio.sleep(MOST + TICK)
    await floor.confirm("a")
    floor.fail("b")
    await turns()
    assert (floor.moved, floor.is_open()) == ([["a"], ["b"]], True)
    await floor.confirm("b")
    await asyncio.sleep(2 * TICK / SHARE)
    floor.fail("c")
    assert not floor.is_open()
    floor.lanes.end()
    await turns()
    await floor.confirm("c")
    assert (floor.moved, floor.is_open()) == ([["a"], ["b"], ["c"]], True)


@on_floor
async def test_many_short_waits_cost_nothing(floor: WatchedFloor) -> None:
    for number in range(100):
        floor.lanes.begin()
        floor.fail(f"r{number}")
        await asyncio.sleep(TICK * 0.9)
        assert not floor.is_open()
        floor.lanes.end()
        await asyncio.sleep(FREE * 0.9)
        await floor.confirm(f"r{number}")
    assert floor.is_open()


@on_floor
async def test_confirms_that_are_always_slow_hold_up_others_for_a_tenth_of_the_time(floor: WatchedFloor) -> None:
    seconds, held = FREE * 2, 0
    for number in range(1000):
        floor.fail(f"r{number}")
        held += not floor.is_open()
        await asyncio.sleep(seconds)
        await floor.confirm(f"r{number}")
    assert MOST / seconds < held < 1000 * SHARE + MOST / seconds + 1


@on_floor
async def test_actions_that_are_always_slow_hold_up_others_for_a_tenth_of_the_time(floor: WatchedFloor) -> None:
    floor.lanes.begin()
    held, seconds = 0.0, 100.0
    for number in range(int(seconds / FREE)):
        floor.fail(f"r{number}")
        await asyncio.sleep(FREE)
        held += FREE * (not floor.is_open())
        if floor.moved and floor.moved[-1] == [f"r{number}"]:
            await floor.confirm(f"r{number}")
    assert MOST - TICK < held < seconds * SHARE + MOST + TICK


@on_floor
async def test_confirms_that_come_one_after_the_other_are_waited_for(floor: WatchedFloor) -> None:
    floor.fail("r0")
    for number in range(1, 50):
        floor.fail(f"r{number}")
        await asyncio.sleep(TICK / 2)
        await floor.confirm(f"r{number - 1}")
    assert not floor.is_open()
    await floor.confirm("r49")
    assert floor.is_open()


@pytest.mark.parametrize("confirmed", [True, False])
def test_that_it_waits_no_longer_is_logged_once(*, confirmed: bool, caplog: pytest.LogCaptureFixture) -> None:
    @on_floor
    async def main(floor: WatchedFloor) -> None:
        if not confirmed:
            floor.fail("a")
            await turns()
        floor.lanes.begin()
        floor.fail("b")
        await asyncio.sleep(MOST * 5)
        assert floor.is_open()

    caplog.set_level(logging.INFO, "leveret.worker")
    main()
    assert len([text for text in caplog.messages if text.startswith("no longer waiting for ")]) == 1


@on_floor
async def test_a_late_confirm_from_before_ends_no_later_wait(floor: WatchedFloor) -> None:
    floor.lanes.begin()
    floor.fail("a")
    await asyncio.sleep(MOST + 2 * TICK / SHARE)
    floor.fail("b")
    assert not floor.is_open()
    await floor.confirm("a")
    assert not floor.is_open()
    floor.lanes.end()
    await turns()
    await floor.confirm("b")
    assert floor.is_open()


@on_floor
async def test_a_message_that_takes_long_to_read_holds_up_letters_for_two_seconds_and_then_not_at_all(
    floor: WatchedFloor,
) -> None:
    floor.lanes.begin()  # it hangs in the only lane, and the journal needs that lane
    reads = asyncio.Event()

    async def read() -> None:
        async with floor.floor.alone():
            await reads.wait()

    reading = asyncio.create_task(read())
    await asyncio.sleep(MOST + MOST / SHARE)
    floor.fail("a")
    await asyncio.sleep(MOST - TICK)
    assert floor.moved == []
    await asyncio.sleep(2 * TICK)
    assert (floor.moved, floor.is_open()) == ([["a"]], False)
    await asyncio.sleep(MOST / SHARE)
    floor.fail("b")
    await turns()
    assert floor.moved == [["a"]]
    reads.set()
    await reading
    await asyncio.sleep(MOST + TICK)
    assert (floor.moved, floor.is_open()) == ([["a"], ["b"]], True)
