"""Carrying outcomes out: publish what an outcome says, and ack when the broker has confirmed it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Final

from leveret.amqp import AmqpError, Message, Refused, Unroutable
from leveret.observe import Observers
from leveret.outcome import Answer, DeadLetter, Outcome, PutBack, Retry
from leveret.wire.masking import printable
from leveret.wire.messages import reply_message
from leveret.worker.leave.backlog import Backlog
from leveret.worker.leave.in_hand import InHand
from leveret.worker.leave.one_by_one import OneByOne
from leveret.worker.leave.outcome_log import tell_settled
from leveret.worker.leave.outcome_messages import OutcomeMessages
from leveret.worker.leave.parcel import Parcel
from leveret.worker.leave.unproven import UnprovenReplies, UnprovenReply
from leveret.worker.publishing import Verdicts, is_not_taken
from leveret.worker.session import Session
from leveret.worker.work import DeclinedDelivery, Work

logger: Final = logging.getLogger("leveret.worker")

Settlement = tuple[Work | DeclinedDelivery, Outcome]

_body = attrgetter("body")
_tag = attrgetter("tag")


class Settler:
    """Settles the deliveries of one session.

    A message affects no other request, whatever it holds: messages that the broker does not take, or that their queue
    refuses, are published one by one, and replies to new reply queues have a connection of their own.

    Args:
        in_hand: the deliveries in hand.
        session: publishes messages. It ends when nobody knows whether a message was published; the broker then
            delivers again what is not acked.
        messages: writes retries, letters and shorter replacements.
        backlog: counts the bytes of messages that wait for the broker's confirm.
        observers: told about each settled delivery, as the log is.
        copy: called with letters that are in their queue; None if nobody wants copies.

    Attributes:
        concluded: how many deliveries have got an outcome so far.
    """

    def __init__(
        self,
        in_hand: InHand,
        session: Session,
        messages: OutcomeMessages,
        *,
        backlog: Backlog,
        observers: Observers,
        copy: Callable[[Sequence[Message]], None] | None = None,
    ) -> None:
        self._backlog = backlog
        self._copy = copy
        self._closed = False
        self._in_hand = in_hand
        self._observers = observers
        self._publisher = session.publisher
        self._messages = messages
        self._on_failure = session.fail
        self._cannot_publish = session.fail_publishing
        self._one_by_one = OneByOne(
            session.publisher,
            write_shorter=self._write_shorter,
            restore=session.restore,
            on_done=self._published,
            on_waiting=self._hold,
            give_back=self._give_back,
            on_failure=session.fail_publishing,
        )
        self._unproven = UnprovenReplies(
            session.connect_for_replies,
            write_shorter=messages.too_large,
            on_done=self._answered,
            on_size=self._count,
            on_failure=session.fail_publishing,
            room=max(session.prefetch // 2, 1),
        )
        self._detours: dict[int, Parcel] = {}
        self.concluded = 0

    def stop_waiting(self) -> None:
        """Put back deliveries whose message another queue refuses, and from now on do so at once."""
        self._one_by_one.stop_waiting()

    async def close(self) -> None:
        """Publish nothing any more: the session is over."""
        self._one_by_one.end()
        self._publisher.end()
        self._count(-self._backlog.sending)
        self._closed = True
        await self._unproven.close()

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Carry out the outcomes of a batch; their messages are published together and their acks merged.

        Once the session is over, nothing is done, because the broker delivers the requests again.
        """
        if self._closed:
            return
        self.concluded += len(settlements)
        parcels, silent = list[Parcel](), list[Parcel]()
        messages = list[Message]()
        proven = self._unproven.proven
        for item, outcome in settlements:
            if isinstance(outcome, PutBack):
                self._return(item, outcome)
                continue
            parcel = self._pack(item, outcome)
            written = parcel.messages
            if not written:
                silent.append(parcel)
            elif written[-1].mandatory or written[-1].routing_key in proven or not self._takes_detour(parcel):
                messages += written
                parcels.append(parcel)
        try:
            if silent:
                self._finish(silent)
            if messages:
                confirmed = self._publisher.publish(messages)
                self._in_hand.publish(list(map(_tag, parcels)))
                size = sum(map(len, map(_body, messages)))
                self._backlog.sending += size
                confirmed.add_done_callback(partial(self._confirmed, parcels, messages, size))
        except AmqpError as error:
            self._on_failure(error)

    def _confirmed(
        self, parcels: list[Parcel], messages: list[Message], size: int, confirmed: asyncio.Future[Verdicts]
    ) -> None:
        """Ack the deliveries whose messages are confirmed; the others' messages are published one by one."""
        self._count(-size)
        verdicts = confirmed.result()
        done = self._sorted_out(parcels, messages, verdicts) if any(verdicts) else parcels
        if done is not None:
            self._finish(done)

    def _finish(self, parcels: Sequence[Parcel]) -> None:
        """Report deliveries as settled, and ack them: everything that was published for them is confirmed."""
        settled = [(parcel.item.subject, parcel.outcome) for parcel in parcels]
        tell_settled(settled, self._observers, self._messages.worker)
        try:
            self._in_hand.ack(list(map(_tag, parcels)))
        except AmqpError as error:
            self._on_failure(error)
        if self._copy is not None and (letters := [parcel.letter for parcel in parcels if parcel.letter is not None]):
            self._copy(letters)

    def _return(self, item: Work | DeclinedDelivery, outcome: PutBack) -> None:
        tell_settled([(item.subject, outcome)], self._observers, self._messages.worker)
        self._in_hand.put_back([item.delivery.delivery_tag])

    def _count(self, change: int) -> None:
        """Count bytes that wait for the broker's confirm; once the session is over, its bytes no longer count."""
        if self._closed:
            return
        self._backlog.sending += change
        if self._backlog.waited_for:
            self._backlog.go_on()

    def _pack(self, item: Work | DeclinedDelivery, outcome: Answer | Retry | DeadLetter) -> Parcel:
        """Write what has to be published, no larger than the broker takes; write a dead letter if that fails."""
        tag = item.delivery.delivery_tag
        try:
            parcel = Parcel(item, tag, outcome, messages_of(item, outcome, self._messages))
        except Exception as error:  # the next delivery would fail in the same way
            logger.exception("an outcome cannot be written: %s", item.subject.id)
            letter = self._messages.last_resort(item, f"cannot be settled: {type(error).__name__}")
            parcel = Parcel(item, tag, *letter, shortened=True)
        if (largest := self._publisher.largest) is not None:
            for message in list(parcel.messages):
                if len(message.body) > largest:
                    self._write_shorter(parcel, message)
        if isinstance(parcel.outcome, DeadLetter):
            parcel.note_letter()
        return parcel

    def _takes_detour(self, parcel: Parcel) -> bool:
        """Send the reply over another connection if its queue is new; return whether nothing else is to be published.

        If the parcel holds a letter too, the delivery is acked when the letter is confirmed, whatever becomes of the
        reply.
        """
        reply = parcel.messages[-1]
        if self._unproven.is_proven(reply.routing_key):
            return False
        parcel.messages.pop()
        if not parcel.messages:
            self._detours[parcel.tag] = parcel
        self._unproven.publish(UnprovenReply(reply, parcel.item.subject.id, None if parcel.messages else parcel.tag))
        return not parcel.messages

    def _sorted_out(
        self, parcels: Sequence[Parcel], messages: Sequence[Message], verdicts: Verdicts
    ) -> list[Parcel] | None:
        """Return the parcels that were published, and publish the others alone; None when the session is over."""
        left: list[tuple[Parcel, AmqpError]] = []
        verdict_of = {id(message): verdict for message, verdict in zip(messages, verdicts, strict=True)}
        done: list[Parcel] = []
        for parcel in parcels:
            parcel.messages = [message for message in parcel.messages if _is_left(message, verdict_of[id(message)])]
            why = verdict_of[id(parcel.messages[0])] if parcel.messages else None
            if why is None:
                done.append(parcel)
            elif isinstance(why, Refused | Unroutable) or is_not_taken(why):
                left.append((parcel, why))
            else:
                self._cannot_publish(why)
                return None
        for parcel, why in left if not self._closed else ():
            self._go_on_alone(parcel, why)
        return done

    def _go_on_alone(self, parcel: Parcel, why: AmqpError) -> None:
        if isinstance(why, Refused):
            self._one_by_one.wait(parcel, parcel.messages[0].routing_key, why)
        else:
            self._one_by_one.publish(parcel)

    def _write_shorter(self, parcel: Parcel, message: Message) -> None:
        """Replace a message that the broker does not take by a shorter one, in its parcel."""
        at, was_retry = parcel.messages.index(message), isinstance(parcel.outcome, Retry)
        parcel.outcome, shorter = self._messages.shorter(parcel.item, parcel.outcome, message)
        parcel.messages[at : at + 1] = shorter
        if isinstance(parcel.outcome, DeadLetter):
            parcel.shortened = True
            parcel.note_letter()
        if was_retry and not parcel.messages[-1].mandatory:
            self._takes_detour(parcel)  # a retry's parcel had no reply before

    def _published(self, parcel: Parcel) -> None:
        self._finish([parcel])

    def _hold(self, parcel: Parcel) -> None:
        self._in_hand.hold(parcel.tag, len(parcel.item.delivery.body))
        parcel.lighten()

    def _give_back(self, parcel: Parcel) -> None:
        try:
            self._return(parcel.item, PutBack("its message waits for room in another queue, and the worker stops"))
        except AmqpError as error:
            self._on_failure(error)

    def _answered(self, tags: Sequence[int]) -> None:
        self._finish([self._detours.pop(tag) for tag in tags])


def messages_of(
    item: Work | DeclinedDelivery, outcome: Answer | Retry | DeadLetter, others: OutcomeMessages
) -> list[Message]:
    """Write what has to be published before a delivery may be acked: nothing for an answer that nobody waits for.

    Args:
        item: the delivery.
        outcome: what became of it.
        others: writes what is not a reply.
    """
    if isinstance(outcome, Answer):
        reply = reply_message(outcome.body, item.delivery.properties, item.subject.id)
        return [reply] if reply else []
    return others.of(item, outcome)


def _is_left(message: Message, verdict: AmqpError | None) -> bool:
    """Return whether a message still has to be published; a reply that its queue refuses does not."""
    if isinstance(verdict, Refused) and not message.mandatory:
        logger.warning("reply refused by its queue: %s", printable(message.properties.correlation_id or "?"))
        return False
    return verdict is not None
