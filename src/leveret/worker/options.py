"""The options of a worker, with units and defaults."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from leveret.api import RateLimit
from leveret.worker.arrive.room import ROOM
from leveret.worker.run.jobs import LARGEST_RESPONSE


class WorkerOptions(Struct, frozen=True, kw_only=True):
    """The options of a worker.

    Attributes:
        name: shown in the broker's list of connections and in the log.
        version: version of the application, for letters and the record of attempts; may be empty.
        prefetch: the most deliveries in hand; a quorum queue gives 2,000 at most.
        replay_all: whether the responses of reads are stored too.
        largest_response: the most bytes of a response; a larger one is refused and its transaction rolled back.
        room: bytes of memory for requests with larger bodies that were read and have not ended.
        drain: how long a stop waits for what is in hand; the rest goes back to the queue.
        retention: how long responses are kept.
        cleaning: pause between two clean-ups, which remove older responses.
        rate_limit: how many requests of each principal may run, in all workers together; None for no limit.
        watchdog: how long a worker may be deaf or stuck before it ends itself, or the whole process if its event loop
            hangs; None for no limit. It must be longer than any action may take.
        lasting_journal: whether the crash journal outlives the worker. If not, because its database is in memory, a
            request that came back to the queue 20 times counts as one that workers died on.
    """

    name: str = "worker"
    version: str = ""
    prefetch: int = 200
    replay_all: bool = False
    largest_response: int = LARGEST_RESPONSE
    room: int = ROOM
    drain: timedelta = timedelta(seconds=8)
    retention: timedelta = timedelta(days=7)
    cleaning: timedelta = timedelta(minutes=10)
    rate_limit: RateLimit | None = None
    watchdog: timedelta | None = timedelta(minutes=2)
    lasting_journal: bool = True
