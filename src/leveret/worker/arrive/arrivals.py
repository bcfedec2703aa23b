"""What becomes of deliveries before they are read: large ones wait for room, those that came before go on record.

To read a message may kill a worker, by the memory that it takes or by a defect in a parser. It is delivered again, and
kills the next one. So the reading of a message that was delivered before is written into the crash journal, under a key
made of its bytes, since nobody knows its id yet. One whose entry a worker left behind is read alone: no lane runs
anything, and nothing else is read. After the third death it is given up unread. First deliveries are read at once.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from leveret.amqp import Delivery
from leveret.inbox.journal import MOST_DEATHS
from leveret.sql.records import RequestKey
from leveret.worker.arrive.room import SMALL_BODY, Room
from leveret.worker.run.floor import Floor
from leveret.worker.run.lanes import Lanes

READING: Final = " reading"
"""Stands in the crash journal where a principal is: no subject begins with a space."""


def reading_key(delivery: Delivery) -> RequestKey:
    """Make the key of a message that nobody has read: the same whenever it comes."""
    return RequestKey(READING, hashlib.blake2b(delivery.body, digest_size=16).hexdigest())


class Arrivals:
    """Has the deliveries of one session read.

    Args:
        lanes: where the journal is.
        floor: lets a message be read while no lane runs anything and no request begins.
        room: for what is read.
        read: reads deliveries, and begins with what they ask for.
        give_up: told of a delivery on whose reading so many workers died.
        failed: told of deliveries that cannot go on record, and why.
    """

    def __init__(
        self,
        lanes: Lanes,
        floor: Floor,
        room: Room,
        *,
        read: Callable[[Sequence[Delivery]], None],
        give_up: Callable[[Delivery, int], None],
        failed: Callable[[Sequence[Delivery], Exception], None],
    ) -> None:
        self._journal = lanes.journal
        self._floor = floor
        self._room = room
        self._read = read
        self._give_up = give_up
        self._failed = failed
        self._again: list[Delivery] = []
        self._recording: asyncio.Task[None] | None = None

    def add(self, deliveries: Sequence[Delivery]) -> None:
        """Read deliveries as soon as they may be."""
        at_once = []
        for delivery in deliveries:
            if len(delivery.body) > SMALL_BODY:
                self._room.add(delivery)
            elif delivery.redelivered and delivery.body:
                self._again.append(delivery)
            else:
                at_once.append(delivery)
        if at_once:
            self._read(at_once)
        self.go_on()

    def left(self, tag: int) -> None:
        """Say that a large delivery has come to its end."""
        self._room.leave(tag)
        self.go_on()

    def go_on(self) -> None:
        """Read what there is room for."""
        if entered := self._room.enter():
            self._again += [delivery for delivery in entered if delivery.redelivered]
            if first := [delivery for delivery in entered if not delivery.redelivered]:
                self._read(first)
        if self._again and self._recording is None:
            self._recording = asyncio.get_running_loop().create_task(self._read_again())

    def withdraw(self) -> list[Delivery]:
        """Take those that have not been read; they are not read any more."""
        waiting = [*self._room.withdraw(), *self._again]
        self._again.clear()
        return waiting

    def end(self) -> None:
        """Read nothing any more: the session is over, and the broker delivers again what was not acked."""
        self.withdraw()
        if self._recording is not None:
            self._recording.cancel()

    async def _read_again(self) -> None:
        try:
            while self._again:
                deliveries, self._again = self._again, []
                await self._tell_apart(deliveries)
        finally:
            self._recording = None

    async def _tell_apart(self, deliveries: Sequence[Delivery]) -> None:
        """Read those of which the journal knows nothing together, and then the others one by one."""
        try:
            known = await self._journal.deaths(list(map(reading_key, deliveries)))
        except Exception as error:  # as if nothing was known: they cannot go on record either
            self._failed(deliveries, error)
            return

        def died_on(delivery: Delivery) -> int:
            return known.get(reading_key(delivery), 0)

        # Those of which least is known first: where the guilty one kills again, few others are left.
        suspects = sorted(filter(died_on, deliveries), key=died_on)
        if innocent := [delivery for delivery in deliveries if not died_on(delivery)]:
            await self._read_on_record(innocent)
        for suspect in suspects:
            async with self._floor.alone():
                await self._read_on_record([suspect])

    async def _read_on_record(self, deliveries: Sequence[Delivery]) -> None:
        """Read deliveries between an entry in the journal for each and its removal."""
        keys = sorted(set(map(reading_key, deliveries)))
        try:
            deaths = await self._journal.begin(keys)
        except Exception as error:
            self._failed(deliveries, error)
            return
        if len(deliveries) == 1 and (died := deaths[keys[0]]) >= MOST_DEATHS:
            self._give_up(deliveries[0], died)  # the entry goes when the letter is safe
            return
        self._read(deliveries)
        await self._journal.ended(keys)
