"""When a request that a worker died on begins: after all that was published before is confirmed and acked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import pytest
from msgspec.structs import replace

from support.asked import asked
from support.notes import note_api
from support.serving import keyring
from warren.serving.intake import Intake, Work
from warren.serving.lane import Lanes
from warren.serving.quarantine import Quarantine
from warren.serving.settle import Unconfirmed
from warren.store import Key

SUSPECT: Final = "suspect"


class Journal:
    """In place of lanes: knows of one death."""

    def run(self, _function: Callable[[Any], Any]) -> asyncio.Future[Any]:
        found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        found.set_result({Key("", SUSPECT): 1})
        return found


class Begun:
    """A quarantine, what it lets begin, and what is published meanwhile."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.unconfirmed = Unconfirmed()
        lanes = cast("Lanes[Any]", Journal())
        self.quarantine = Quarantine(lanes, self._begin, self._failed, self.unconfirmed.when_settled)

    def _begin(self, works: Sequence[Work]) -> None:
        self.ids += [work.request.id for work in works]

    def _failed(self, works: Sequence[Work], error: Exception) -> None:
        raise AssertionError(works) from error


def work(request_id: str, *, redelivered: bool = False) -> Work:
    intake: Intake[Any, Any] = Intake(note_api(), keyring(), None)
    delivery = asked({"id": request_id, "version": "v1", "action": "health_check", "data": {}, "auth": ""})
    taken = intake.take(replace(delivery, redelivered=redelivered))
    assert isinstance(taken, Work)
    return taken


async def turns(count: int = 5) -> None:
    """Let the event loop do what is due."""
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture
async def begun() -> Begun:
    return Begun()


async def test_a_suspect_waits_for_what_was_published_before_it(begun: Begun) -> None:
    first, second = begun.unconfirmed.add(), begun.unconfirmed.add()
    begun.quarantine.admit([work(SUSPECT, redelivered=True)])
    await turns()
    begun.unconfirmed.settled(second)
    await turns()
    assert begun.ids == []
    later = begun.unconfirmed.add()
    begun.unconfirmed.settled(first)
    await turns()
    assert begun.ids == [SUSPECT]
    begun.unconfirmed.settled(later)
    await turns()
    assert begun.ids == [SUSPECT]


async def test_others_wait_for_the_suspect_whose_turn_has_come(begun: Begun) -> None:
    batch = begun.unconfirmed.add()
    begun.quarantine.admit([work(SUSPECT, redelivered=True)])
    await turns()
    begun.quarantine.admit([work("other")])
    assert begun.ids == []
    begun.unconfirmed.settled(batch)
    await turns()
    assert begun.ids == [SUSPECT]
    begun.quarantine.ended(1)
    assert begun.ids == [SUSPECT, "other"]


async def test_what_no_worker_died_on_does_not_wait(begun: Begun) -> None:
    begun.unconfirmed.add()
    begun.quarantine.admit([work("new"), work("delivered before", redelivered=True)])
    await turns()
    assert begun.ids == ["new", "delivered before"]
