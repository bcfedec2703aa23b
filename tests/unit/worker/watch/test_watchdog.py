"""When a worker is deaf, decided from one look after the other, without a broker and without waiting."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import chain, repeat

import msgspec
import pytest

from leveret.errors import WorkerDeaf
from leveret.worker.session import QueueDepth
from leveret.worker.watch.watchdog import LOOKS, Sight, Watch, watch
from support.skipping_loop import run_skipping

LIMIT = timedelta(minutes=2)
IDLE = Sight(since=1.0, taken=7, concluded=7, room=True, blocked=False, waiting=QueueDepth(0, 2))
"""A worker that has nothing to do, beside another one."""

PASSED_OVER = msgspec.structs.replace(IDLE, waiting=QueueDepth(3, 2))
STUCK = msgspec.structs.replace(IDLE, taken=9)
UNCHECKED = Sight(since=-3.0, checking=True)
UNCONSUMED = msgspec.structs.replace(IDLE, waiting=QueueDepth(0, 0))


def not_idle() -> None:
    pytest.fail("a worker that is not idle has nothing to do anew")


def look_at(sights: Sequence[Sight | None], looks: int = 3) -> list[str | None]:
    watching = Watch(looks)
    return [watching.look(sight) for sight in sights]


def changing(sight: Sight, **attributes: Sequence[object]) -> list[Sight | None]:
    """Nine looks at which nothing changes but some attributes."""
    return [
        msgspec.structs.replace(sight, **dict(zip(attributes, values, strict=True)))
        for values in zip(*attributes.values(), strict=True)
    ]


@pytest.mark.parametrize(
    ("sight", "words"),
    [
        (PASSED_OVER, "requests wait (3), this worker has room for them, and none was delivered"),
        (UNCONSUMED, "the broker knows of no consumer of the queue, although this worker consumes it"),
        (STUCK, "none of the requests in hand (2) came to an end"),
        (UNCHECKED, "no lane has asked the database whether it answers: the lanes hang"),
    ],
)
def test_what_holds_at_every_look_for_the_whole_time_is_deafness(sight: Sight, words: str) -> None:
    assert look_at([sight] * 4) == [None, None, None, words]
    assert look_at([sight] * 3) == [None] * 3


BLOCKED = msgspec.structs.replace(STUCK, blocked=True)
SOME, NONE = QueueDepth(3, 2), QueueDepth(0, 2)
WELL = {
    "an empty queue": [IDLE] * 9,
    "a batch of slow requests of which none is reported yet": changing(STUCK, progress=range(9)),
    "lanes that first finish what they have": changing(UNCHECKED, progress=range(9)),
    "a database that is asked again and again": changing(UNCHECKED, since=[-float(n) for n in range(1, 10)]),
    "no session, a pause, or a stop": [None] * 9,
    "a prefetch that is used up": changing(PASSED_OVER, room=[False] * 9, taken=[9] * 9, concluded=range(9)),
    "a queue that grows although deliveries come": changing(PASSED_OVER, taken=range(9), concluded=range(9)),
    "a broker that does not say": changing(PASSED_OVER, waiting=[None] * 9),
    "a queue that is empty now and then": changing(PASSED_OVER, waiting=[SOME, SOME, NONE] * 3),
    "sessions lost and made again between two looks": changing(PASSED_OVER, since=range(9)),
    "pauses": [PASSED_OVER, PASSED_OVER, None] * 3,
    "work that is slow and moves": changing(STUCK, concluded=[0, 0, 0, 1, 1, 1, 2, 2, 2]),
    "an alarm": [BLOCKED] * 9,
    "alarms": [STUCK, STUCK, BLOCKED] * 3,
    "outages of the database": [STUCK, STUCK, None] * 3,
    "elections in which consumers are not counted": [UNCONSUMED, UNCONSUMED, IDLE] * 3,
    "one suspicion after the other": [PASSED_OVER, STUCK, UNCONSUMED] * 3,
}


@pytest.mark.parametrize(
    ("sights", "renewals"),
    [
        ([IDLE] * 10, [3, 6, 9]),
        ([IDLE, IDLE, None] * 3, []),
        (changing(IDLE, taken=[7, 7, 7, 8, 8, 8, 8], concluded=[7, 7, 7, 8, 8, 8, 8]), [6]),
        (changing(IDLE, since=[1, 1, 1, 2, 2, 2, 2]), [6]),
        ([STUCK] * 3, []),
        (changing(IDLE, waiting=[None] * 9), []),
    ],
)
def test_a_worker_that_was_idle_for_the_whole_time_consumes_anew(
    sights: list[Sight | None], renewals: list[int]
) -> None:
    watching, idle = Watch(3), []
    for number, sight in enumerate(sights):
        assert watching.look(sight) is None
        if watching.idle:
            idle.append(number)
    assert idle == renewals


def test_an_idle_worker_is_told_to_consume_anew_once_in_the_whole_time() -> None:
    moments: list[float] = []

    async def main() -> None:
        now = asyncio.get_running_loop().time

        async def see() -> Sight | None:
            return IDLE if len(moments) < 2 else STUCK

        with pytest.raises(WorkerDeaf):
            await watch(see, lambda: moments.append(now()), LIMIT)

    run_skipping(main())
    assert moments == [130.0, 250.0]


@pytest.mark.parametrize("sights", WELL.values(), ids=WELL)
def test_a_worker_that_may_be_well_is_left_alone(sights: list[Sight | None]) -> None:
    assert look_at(sights) == [None] * len(sights)


def test_the_worker_is_looked_at_for_the_whole_time_and_then_ended() -> None:
    moments: list[float] = []

    async def main() -> None:
        async def see() -> Sight | None:
            moments.append(asyncio.get_running_loop().time())
            return STUCK

        with pytest.raises(WorkerDeaf, match=r"for 120 s none of the requests in hand \(2\) came to an end$"):
            await watch(see, not_idle, LIMIT)

    run_skipping(main())
    assert moments == [10.0 * number for number in range(1, LOOKS + 2)]


def test_a_worker_that_recovers_is_given_the_whole_time_anew() -> None:
    sights: Iterator[Sight] = chain(repeat(STUCK, LOOKS), [msgspec.structs.replace(STUCK, concluded=8)], repeat(STUCK))
    seen = 0

    async def see() -> Sight | None:
        nonlocal seen
        seen += 1
        return next(sights)

    with pytest.raises(WorkerDeaf):
        run_skipping(watch(see, not_idle, LIMIT))
    assert seen == LOOKS + 1 + LOOKS + 1
