"""One timer for any number of deadlines."""

import asyncio
import gc
import tracemalloc
import weakref

from hypothesis import given
from hypothesis import strategies as st

from leveret.client.deadlines import TICK, Deadlines
from support.skipping_loop import run_skipping

moments = st.lists(st.floats(0.0, 100.0), min_size=1, max_size=50)


@given(moments, st.data())
def test_everything_that_was_not_discarded_is_told_never_early_and_a_tick_late_at_most(
    deadlines: list[float], data: st.DataObject
) -> None:
    discarded = data.draw(st.sets(st.sampled_from(range(len(deadlines)))))

    async def main() -> dict[int, float]:
        loop = asyncio.get_running_loop()
        told: dict[int, float] = {}
        watch: Deadlines[int] = Deadlines(lambda number: told.__setitem__(number, loop.time()))
        slots = [watch.add(number, moment) for number, moment in enumerate(deadlines)]
        for number in discarded:
            watch.discard(number, slots[number])
        await asyncio.sleep(101)
        watch.close()
        return told

    told = run_skipping(main())
    assert told.keys() == set(range(len(deadlines))) - discarded
    for number, moment in told.items():
        assert deadlines[number] <= moment <= deadlines[number] + 2 * TICK


def test_what_was_discarded_long_before_its_time_takes_no_room() -> None:
    async def main() -> tuple[int, list[str]]:
        told: list[str] = []
        watch: Deadlines[str] = Deadlines(told.append)
        watch.add("kept", 3600.0)
        tracemalloc.start()
        for number in range(100_000):  # one call each tick, with a timeout of an hour, answered at once
            watch.discard("call", watch.add("call", 3600.0 + number * TICK))
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        watch.add("later", 5000.0)
        await asyncio.sleep(5001)
        return size, told

    size, told = run_skipping(main())
    assert size < 2_000_000
    assert told == ["kept", "later"]


def test_an_earlier_deadline_that_comes_later_is_told_first() -> None:
    async def main() -> list[str]:
        told: list[str] = []
        watch: Deadlines[str] = Deadlines(told.append)
        watch.add("late", 50.0)
        watch.add("early", 1.0)
        await asyncio.sleep(2)
        assert told == ["early"]
        watch.add("between", 40.0)
        await asyncio.sleep(100)
        return told

    assert run_skipping(main()) == ["early", "between", "late"]


def test_a_thing_may_be_added_and_discarded_while_others_are_told() -> None:
    async def main() -> list[str]:
        told: list[str] = []

        def on_due(thing: str) -> None:
            told.append(thing)
            if thing == "first":
                watch.discard("never", slots["never"])
                watch.discard("first", slots["first"])
                watch.add("next", 30.0)

        watch: Deadlines[str] = Deadlines(on_due)
        slots = {name: watch.add(name, moment) for name, moment in {"first": 10.0, "never": 20.0}.items()}
        await asyncio.sleep(100)
        return told

    assert run_skipping(main()) == ["first", "next"]


def test_what_was_discarded_is_kept_alive_by_nothing() -> None:
    class Thing:
        pass

    async def main() -> None:
        watch: Deadlines[Thing] = Deadlines(lambda _: None)
        thing = Thing()
        gone = weakref.ref(thing)
        watch.discard(thing, watch.add(thing, 1000.0))
        del thing
        gc.collect()
        assert gone() is None

    run_skipping(main())


def test_after_close_nothing_is_told() -> None:
    async def main() -> list[str]:
        told: list[str] = []
        watch: Deadlines[str] = Deadlines(told.append)
        slot = watch.add("never", 1.0)
        watch.close()
        watch.discard("never", slot)
        await asyncio.sleep(10)
        return told

    assert run_skipping(main()) == []
