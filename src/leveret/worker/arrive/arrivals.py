"""What happens to deliveries before they are read: large ones wait for room, and redelivered ones go on record.

Reading a message may kill a worker, by the memory that it takes or by a defect in a parser. The message is then
delivered again, and kills the next worker. Therefore a redelivered message is on record in the crash journal while it
is read, under a key made of its bytes, because nobody knows its id yet. A message whose entry a dead worker left behind
is read alone: no lane runs anything, and nothing else is read. After the third death it is given up unread. First
deliveries do not go on record.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from leveret.amqp import Delivery
from leveret.errors import Internal, StorageUnavailable
from leveret.inbox.journal import MOST_DEATHS
from leveret.outcome import WORKERS_DIED_READING, DeadLetter, Outcome, PutBack
from leveret.retry import describe
from leveret.sql.records import RequestKey
from leveret.wire.letter import WORKERS_DIED_CODE
from leveret.worker.arrive.intake import Intake
from leveret.worker.arrive.room import SMALL_BODY, Room
from leveret.worker.leave.in_hand import InHand
from leveret.worker.leave.settle import Settlement
from leveret.worker.run.floor import Floor
from leveret.worker.run.lanes import Lanes
from leveret.worker.run.returns import deaths_reading

logger: Final = logging.getLogger("leveret.worker")

READING: Final = " reading"
"""Takes the principal's place in the crash journal; no principal's subject begins with a space."""


def reading_key(delivery: Delivery) -> RequestKey:
    """Return the journal's key for a message that is not read yet; it is the same at each delivery."""
    return RequestKey(READING, hashlib.blake2b(delivery.body, digest_size=16).hexdigest())


class Arrivals:
    """Lets the large and the redelivered messages of one session be read.

    Args:
        lanes: read and write the crash journal.
        floor: lets a message be read while no lane runs anything and no request begins.
        room: limits the memory for what is read.
        in_hand: the deliveries in hand.
        intake: prepares deliveries that stay unread for their outcome.
        read: called with deliveries that may be read now, each with the moment of its arrival.
        settle: carries outcomes out.
        on_outage: called when the database does not answer.
    """

    def __init__(
        self,
        lanes: Lanes,
        floor: Floor,
        room: Room,
        *,
        in_hand: InHand,
        intake: Intake,
        read: Callable[[Sequence[tuple[Delivery, float]]], None],
        settle: Callable[[list[Settlement]], None],
        on_outage: Callable[[str], None],
    ) -> None:
        self._journal = lanes.journal
        self._floor = floor
        self._room = room
        self._in_hand = in_hand
        self._intake = intake
        self._read_now = read
        self._settle = settle
        self._on_outage = on_outage
        self._arrived: dict[int, float] = {}
        self._again: list[Delivery] = []
        self._recording: asyncio.Task[None] | None = None

    def add(self, deliveries: Sequence[Delivery], now: float) -> None:
        """Take large and redelivered messages, and read each of them as soon as it may be read."""
        at_once = []
        for delivery in deliveries:
            self._arrived[delivery.delivery_tag] = now
            if len(delivery.body) > SMALL_BODY:
                self._in_hand.when_released(delivery.delivery_tag, self.left)
                self._room.add(delivery)
            elif delivery.body:
                self._again.append(delivery)
            else:
                at_once.append(delivery)
        self._read(at_once)
        self.go_on()

    def left(self, tag: int) -> None:
        """Free the room of a large delivery that has ended."""
        self._room.leave(tag)
        self.go_on()

    def go_on(self) -> None:
        """Read large messages for which there is room, and redelivered ones."""
        if entered := self._room.enter():
            self._again += [delivery for delivery in entered if delivery.redelivered]
            self._read([delivery for delivery in entered if not delivery.redelivered])
        if self._again and self._recording is None:
            self._recording = asyncio.get_running_loop().create_task(self._read_again())

    def withdraw(self, outcome: Outcome) -> list[Settlement]:
        """Return the deliveries that wait to be read, with this outcome; they are not read any more."""
        waiting = [*self._room.withdraw(), *self._again]
        self._again.clear()
        return self._unread(waiting, outcome)

    def end(self) -> None:
        """Read nothing any more: the session is over, and the broker delivers again what was not acked."""
        self._room.withdraw()
        self._again.clear()
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
        """Read the messages that are not in the journal together, and then the others one by one."""
        try:
            if not self._journal.lasting:
                await self._journal.learn({reading_key(each): deaths_reading(each) for each in deliveries})
            known = await self._journal.deaths(list(map(reading_key, deliveries)))
        except Exception as error:  # without an answer they cannot go on record either
            self._not_on_record(deliveries, error)
            return

        def died_on(delivery: Delivery) -> int:
            return known.get(reading_key(delivery), 0)

        # Fewest deaths first: when the message that is to blame kills this worker too, few others are left unread.
        suspects = sorted(filter(died_on, deliveries), key=died_on)
        if innocent := [delivery for delivery in deliveries if not died_on(delivery)]:
            await self._read_on_record(innocent)
        for suspect in suspects:
            async with self._floor.alone():
                await self._read_on_record([suspect])

    async def _read_on_record(self, deliveries: Sequence[Delivery]) -> None:
        """Record deliveries in the journal, read them, and remove their entries."""
        keys = sorted(set(map(reading_key, deliveries)))
        try:
            deaths = await self._journal.begin(keys)
        except Exception as error:
            self._not_on_record(deliveries, error)
            return
        if len(deliveries) == 1 and (died := deaths[keys[0]]) >= MOST_DEATHS:
            self._give_up(deliveries[0], died)  # the entry is removed when the letter is safe
            return
        self._read(deliveries)
        await self._journal.ended(keys)

    def _read(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries:
            self._read_now([(each, self._arrived.pop(each.delivery_tag)) for each in deliveries])

    def _give_up(self, delivery: Delivery, deaths: int) -> None:
        end = partial(self._journal.end, [reading_key(delivery)])
        self._in_hand.when_acked(delivery.delivery_tag, end)
        outcome = DeadLetter(f"{deaths} {WORKERS_DIED_READING}", Internal.code, WORKERS_DIED_CODE)
        self._settle(self._unread([delivery], outcome))

    def _not_on_record(self, deliveries: Sequence[Delivery], error: Exception) -> None:
        """Put deliveries back in an outage; otherwise read them without an entry, because they would never get one."""
        if isinstance(error, StorageUnavailable):
            outcome = PutBack(describe(error))
            self._on_outage(outcome.reason)
            self._settle([*self._unread(deliveries, outcome), *self.withdraw(outcome)])
        else:
            logger.info("messages are read without an entry in the crash journal: %s", describe(error))
            self._read(deliveries)

    def _unread(self, deliveries: Sequence[Delivery], outcome: Outcome) -> list[Settlement]:
        arrived = [(each, self._arrived.pop(each.delivery_tag)) for each in deliveries]
        items = [self._intake.leave_unread(delivery, outcome, moment) for delivery, moment in arrived]
        return [(item, item.outcome) for item in items]
