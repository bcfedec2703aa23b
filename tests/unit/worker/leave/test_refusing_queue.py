"""How long what waits for a refusing queue waits between two tries."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

from leveret.amqp import Refused
from leveret.process.backoff import Backoff
from leveret.worker.leave.refusing_queue import PAUSES, RefusingQueue
from support.skipping_loop import run_skipping

NO_ROOM = Refused("no room", "letters")
DAY = 24 * 3600.0


def times_of_tries(then: Callable[[RefusingQueue[str], str, int], None], pauses: Backoff = PAUSES) -> list[float]:
    """Return the seconds at which the first item was tried in a day; ``then`` says what became of each try."""

    async def a_day() -> list[float]:
        loop, tries = asyncio.get_running_loop(), list[float]()

        def tried(item: str) -> None:
            tries.append(loop.time())
            then(queue, item, len(tries))

        queue = RefusingQueue[str]("letters", tried, pauses)
        queue.add("item", NO_ROOM)
        await asyncio.sleep(DAY)
        queue.end()
        return tries

    return run_skipping(a_day())


def test_the_pauses_between_two_tries_grow_to_half_a_minute_and_the_trying_never_ends() -> None:
    tries = times_of_tries(lambda queue, item, _: queue.add(item, NO_ROOM))
    pauses = [later - earlier for earlier, later in pairwise([0.0, *tries])]
    assert pauses[0] <= 0.5
    assert pauses[:6] == sorted(pauses[:6])
    assert all(15.0 < pause <= 30.0 for pause in pauses[7:])
    assert tries[-1] > DAY - 30.0


def test_what_is_refused_again_after_the_queue_took_something_waits_for_the_first_pause_only() -> None:
    def refuse_after_a_success(queue: RefusingQueue[str], item: str, count: int) -> None:
        if count == 10:
            queue.took(item)
        queue.add(item, NO_ROOM)

    tries = times_of_tries(refuse_after_a_success)
    assert tries[9] - tries[8] > 15.0
    assert tries[10] - tries[9] <= 0.5
