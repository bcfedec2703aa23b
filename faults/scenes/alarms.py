"""Memory and disk alarms: the broker stops reading from publishers; acks flow, and publishers are told why."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from typing import Final, NamedTuple, TypeVar

from faults.crew import Crew
from faults.evidence import held
from faults.load import Load
from faults.scene import Plan, scene
from faults.scenes.recovery import LOOK, SceneFailed, unharmed
from faults.stage import Stage
from leveret.client import Client
from leveret.devbroker import DevBroker
from leveret.errors import NoAnswer, NotSent
from testbed.alarm import memory_alarm

T = TypeVar("T")

LASTS: Final = 30.0
"""Seconds that an alarm lasts; in the short form it ends when everything has been seen."""

BACKLOG: Final = 120
"""Requests that lie at the broker when the alarm comes, at least."""

SETTLED: Final = 50
"""So many of them at least must be settled while it lasts."""

IN_FLIGHT: Final = 50
"""Requests that callers wait for at once, at most; the rest of the backlog wants no reply, and can be settled."""

FLOWING: Final = 20
"""Requests that have to come to their end after an alarm."""

SEEN_WITHIN: Final = 25.0
"""Seconds within which acks have come through and callers have been told, all of it during the alarm."""

ASKING: Final = 2.0
"""Seconds that a caller waits who only wants to be told."""

ALL_BYTES: Final = "1000000GB"
USUAL_BYTES: Final = "50MB"
"""Free bytes on the disk below which there is an alarm; the latter is the private broker's own limit."""


@contextmanager
def disk_alarm(broker: DevBroker) -> Iterator[None]:
    """Have the broker believe that the disk is full."""
    broker.control("set_disk_free_limit", ALL_BYTES)
    try:
        yield
    finally:
        broker.control("set_disk_free_limit", USUAL_BYTES)


class Alarm(NamedTuple):
    """How an alarm is raised, and the broker's word for it."""

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
async def alarms(stage: Stage, plan: Plan) -> None:
    """Raise each alarm over a backlog, and see that workers settle it while nobody can publish anything."""
    async with stage.crew(2) as crew:
        async with stage.load(plan.requests, rate=100, ask_share=0.25, in_flight=IN_FLIGHT) as load:
            for number in range(1, plan.strikes + 1):
                if not await load.reached(plan.requests * number // (plan.strikes + 2)):
                    raise SceneFailed(f"the load had ended before alarm {number}")
                await _strike(stage, crew, load, ALARMS[number % 2], 0.0 if plan.short else LASTS)
        unharmed(crew)


async def _strike(stage: Stage, crew: Crew, load: Load, alarm: Alarm, lasts: float) -> None:
    """One alarm; when it comes the workers stand still, so that there is something to settle."""
    now = asyncio.get_running_loop().time
    async with AsyncExitStack() as stack:
        for member in crew.members:
            member.signal(signal.SIGSTOP)
        try:
            await _until(lambda: _at_broker(stage), lambda count: count >= BACKLOG, "enough requests that wait")
            raised = alarm.raised(stage.broker)
            await asyncio.to_thread(raised.__enter__)
            stack.push_async_callback(asyncio.to_thread, raised.__exit__, None, None, None)
            backlog = await _at_broker(stage)  # callers may have asked again until the alarm came
        finally:
            for member in crew.members:
                member.signal(signal.SIGCONT)
        began = now()
        await asyncio.gather(_acks_flow(stage, backlog), _callers_are_told(load, alarm.word))
        stage.struck()
        await load.goes_on(lasts - (now() - began))
        finished = load.finished
    if not await load.reached(finished + FLOWING) and load.finished < finished + FLOWING:
        raise SceneFailed(f"the load had ended with the alarm ({alarm.word}): {load.begun} begun, {load.errors}")


async def _acks_flow(stage: Stage, backlog: int) -> None:
    """While the alarm lasts workers settle what wants no reply; the rest waits until replies can be published."""
    left = await _until(lambda: _at_broker(stage), lambda count: count <= backlog - SETTLED, "acks during the alarm")
    stage.notes.setdefault("settled during each alarm", []).append(f"{backlog - left} of {backlog}")


async def _callers_are_told(load: Load, word: str) -> None:
    """Every client that wants to ask something is told of the alarm, in its own words."""
    wanted = f"blocks publishers until its alarm is over: {word}"

    async def asked(client: Client) -> str:
        try:
            await client.ask("health_check", timeout=ASKING)
        except (NotSent, NoAnswer) as error:
            return str(error)
        return "an answer"

    def told(client: Client) -> Awaitable[str]:
        return _until(lambda: asked(client), lambda text: wanted in text, f"an error that says {wanted!r}")

    await asyncio.gather(*map(told, load.clients))


async def _at_broker(stage: Stage) -> int:
    """Requests in the queue and in workers' hands."""
    return await asyncio.to_thread(held, stage.broker, [stage.topology.requests])


async def _until(look: Callable[[], Awaitable[T]], holds: Callable[[T], bool], what: str) -> T:
    """Look until something holds, and return what was seen.

    Raises:
        SceneFailed: it does not in time.
    """
    now = asyncio.get_running_loop().time
    end = now() + SEEN_WITHIN
    while not holds(seen := await look()):
        if now() > end:
            raise SceneFailed(f"not within {SEEN_WITHIN:g} s: {what}; the last look showed {seen!r}")
        await asyncio.sleep(LOOK)
    return seen
