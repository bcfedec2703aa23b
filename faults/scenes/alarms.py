"""Memory and disk alarms: the broker stops reading from publishers; acks still work, and publishers learn why."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from typing import Final, NamedTuple, TypeVar

from faults.evidence import held
from faults.load import Load
from faults.scene import Plan, scene
from faults.scenes.recovery import LOOK, SceneFailed, unharmed
from faults.system import System
from faults.workers import WorkerGroup
from leveret.client import Client
from leveret.devbroker import DevBroker
from leveret.errors import NoAnswer, NotSent
from testbed.alarm import memory_alarm

T = TypeVar("T")

LASTS: Final = 30.0
"""Seconds that an alarm lasts; in the short form it ends when everything has been checked."""

BACKLOG: Final = 120
"""Requests, at least, that lie at the broker when the alarm begins."""

SETTLED: Final = 50
"""Requests of the backlog, at least, that have to be settled during the alarm."""

IN_FLIGHT: Final = 50
"""Requests, at most, whose callers wait at a time; the rest of the backlog needs no reply, and can be settled."""

FLOWING: Final = 20
"""Requests that have to be finished after an alarm."""

SEEN_WITHIN: Final = 25.0
"""Seconds of the alarm within which acks reach the broker and every client gets an error that names the alarm."""

ASKING: Final = 2.0
"""Seconds after which a client that only wants to see that error stops waiting."""

ALL_BYTES: Final = "1000000GB"
USUAL_BYTES: Final = "50MB"
"""Limits of free disk space below which there is an alarm: one for an alarm, and the private broker's usual one."""


@contextmanager
def disk_alarm(broker: DevBroker) -> Iterator[None]:
    """Make the broker believe that the disk is full."""
    broker.control("set_disk_free_limit", ALL_BYTES)
    try:
        yield
    finally:
        broker.control("set_disk_free_limit", USUAL_BYTES)


class Alarm(NamedTuple):
    """A kind of alarm: how to raise it, and the broker's name for it."""

    raised: Callable[[DevBroker], AbstractContextManager[None]]
    word: str


ALARMS: Final = (Alarm(memory_alarm, "low on memory"), Alarm(disk_alarm, "low on disk"))


@scene(
    "alarms",
    title="memory alarm, disk alarm, 30 s each",
    requests=5_000,
    strikes=4,
    short_requests=600,
    short_strikes=1,
    own_broker=True,
)
async def alarms(system: System, plan: Plan) -> None:
    """Raise each alarm while there is a backlog, and check that workers settle it while nobody can publish."""
    async with system.workers(2) as workers:
        async with system.load(plan.requests, rate=100, ask_share=0.25, in_flight=IN_FLIGHT) as load:
            for number in range(1, plan.strikes + 1):
                if not await load.reached(plan.requests * number // (plan.strikes + 2)):
                    raise SceneFailed(f"the load had ended before alarm {number}")
                await _strike(system, workers, load, ALARMS[number % 2], 0.0 if plan.short else LASTS)
        unharmed(workers)


async def _strike(system: System, workers: WorkerGroup, load: Load, alarm: Alarm, lasts: float) -> None:
    """Raise one alarm; the workers are stopped until it has begun, so that there is a backlog to settle."""
    now = asyncio.get_running_loop().time
    async with AsyncExitStack() as stack:
        for worker in workers.current:
            worker.signal(signal.SIGSTOP)
        try:
            await _until(lambda: _at_broker(system), lambda count: count >= BACKLOG, "enough requests that wait")
            raised = alarm.raised(system.broker)
            await asyncio.to_thread(raised.__enter__)
            stack.push_async_callback(asyncio.to_thread, raised.__exit__, None, None, None)
            backlog = await _at_broker(system)  # callers may have asked again until the alarm began
        finally:
            for worker in workers.current:
                worker.signal(signal.SIGCONT)
        began = now()
        await asyncio.gather(_check_acks(system, backlog), _check_errors(load, alarm.word))
        system.struck()
        await load.goes_on(lasts - (now() - began))
        finished = load.finished
    if not await load.reached(finished + FLOWING) and load.finished < finished + FLOWING:
        raise SceneFailed(f"the load had ended with the alarm ({alarm.word}): {load.begun} begun, {load.errors}")


async def _check_acks(system: System, backlog: int) -> None:
    """Check that workers settle requests without a reply during the alarm; others wait until replies can be sent."""
    left = await _until(lambda: _at_broker(system), lambda count: count <= backlog - SETTLED, "acks during the alarm")
    system.notes.setdefault("settled during each alarm", []).append(f"{backlog - left} of {backlog}")


async def _check_errors(load: Load, word: str) -> None:
    """Check that every client that sends a request gets an error that names the alarm."""
    wanted = f"blocks publishers until its alarm is over: {word}"

    async def ask(client: Client) -> str:
        try:
            await client.ask("health_check", timeout=ASKING)
        except (NotSent, NoAnswer) as error:
            return str(error)
        return "an answer"

    def wait_for_error(client: Client) -> Awaitable[str]:
        return _until(lambda: ask(client), lambda text: wanted in text, f"an error that says {wanted!r}")

    await asyncio.gather(*map(wait_for_error, load.clients))


async def _at_broker(system: System) -> int:
    """Return the number of requests that lie in the queue or are held by workers."""
    return await asyncio.to_thread(held, system.broker, [system.topology.requests])


async def _until(look: Callable[[], Awaitable[T]], holds: Callable[[T], bool], what: str) -> T:
    """Call ``look`` until a condition holds for its result, and return the result.

    Raises:
        SceneFailed: the condition does not hold in time.
    """
    now = asyncio.get_running_loop().time
    end = now() + SEEN_WITHIN
    while not holds(seen := await look()):
        if now() > end:
            raise SceneFailed(f"not within {SEEN_WITHIN:g} s: {what}; the last look showed {seen!r}")
        await asyncio.sleep(LOOK)
    return seen
