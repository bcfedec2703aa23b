"""How a worker works: what its owner chooses, with units and defaults."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from leveret.worker.admit.rate_limit import RateLimit
from leveret.worker.arrive.room import ROOM
from leveret.worker.run.jobs import LARGEST_RESPONSE


class WorkerOptions(Struct, frozen=True, kw_only=True):
    """How a worker works.

    Attributes:
        name: for the broker's list of connections and the log.
        prefetch: deliveries in hand at most; a quorum queue gives 2,000 at most.
        replay_all: store the responses of reads too.
        largest_response: bytes that a response may have; a larger one is refused and its transaction rolled back.
        room: bytes in memory for requests with larger bodies that were read and have not come to their end.
        drain: how long a stop waits for what is in hand; the rest goes back to the queue.
        retention: how long responses are kept.
        cleaning: pause between two clean-ups of older ones.
        rate_limit: what each principal may do, in all workers together; None for no limit.
        watchdog: a worker that was deaf or stuck for so long ends itself, and the whole process when its event loop
            hangs; None for never. Longer than any action may take.
    """

    name: str = "worker"
    prefetch: int = 200
    replay_all: bool = False
    largest_response: int = LARGEST_RESPONSE
    room: int = ROOM
    drain: timedelta = timedelta(seconds=8)
    retention: timedelta = timedelta(days=7)
    cleaning: timedelta = timedelta(minutes=10)
    rate_limit: RateLimit | None = None
    watchdog: timedelta | None = timedelta(minutes=2)
