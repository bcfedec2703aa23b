"""From an outcome to the messages that it causes: replies, retries, dead letters. No I/O."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from leveret.amqp import FieldTable, Message
from leveret.auth.keyring import Keyring, Ticket
from leveret.errors import BY_CODE, Internal
from leveret.outcome import RETRIES_EXHAUSTED, Answer, DeadLetter, Outcome, Retry
from leveret.topology import Topology
from leveret.wire.codec import imprint, refusal
from leveret.wire.letter import known_body, write_letter, write_short_letter
from leveret.wire.masking import without_tokens
from leveret.wire.messages import letter_headers, letter_message, reply_message, retry_message
from leveret.worker.work import Declined, Work


class Outbox:
    """Writes messages for one topology."""

    def __init__(self, topology: Topology, keyring: Keyring, *, clock: Callable[[], float] = time.time) -> None:
        self._topology = topology
        self._retries = topology.retries
        self._keyring = keyring
        self._clock = clock

    def messages(self, item: Work | Declined, outcome: Outcome) -> list[Message]:
        """Write what has to be published before the delivery may be acked."""
        match outcome:
            case Answer():
                return self._reply(item, outcome.body)
            case Retry() if isinstance(item, Work):
                return [self._retry(item, outcome)]
            case DeadLetter():
                return [self._letter(item, outcome), *self._apology(item, outcome)]
            case _:
                return []

    def shorter(self, item: Work | Declined, outcome: Outcome, message: Message) -> tuple[Outcome, list[Message]]:
        """Write what takes the place of a message that the broker does not take, nearly always because of its size.

        A reply is replaced by one that says so, a retry by a letter, and a letter by a short one.
        """
        if not message.mandatory:
            reply = self.too_large(message, id_of(item))
            return outcome, [reply] if reply else []
        if isinstance(outcome, Retry):
            size = len(message.body)
            text = f"not retried, because the broker does not take its message of {size} bytes: {outcome.reason}"
            return self.last_resort(item, text)
        reason = outcome.reason if isinstance(outcome, DeadLetter) else ""
        return outcome, [self._short_letter(item, reason, len(message.body))]

    def last_resort(self, item: Work | Declined, reason: str) -> tuple[Outcome, list[Message]]:
        """Give a request up that cannot be moved on in another way: with a letter as short as can be."""
        outcome = DeadLetter(reason, Internal.code)
        letter = self._short_letter(item, reason, item.delivery.left_out or len(item.delivery.body))
        return outcome, [letter, *self._apology(item, outcome)]

    def too_large(self, reply: Message, request_id: str) -> Message | None:
        """Write a reply in place of one that the broker does not take; None where that is not shorter."""
        text = f"The response has {len(reply.body)} bytes, and the broker does not take it; the request was executed"
        body = refusal(request_id, Internal(text))
        return msgspec.structs.replace(reply, body=body) if len(body) < len(reply.body) else None

    def _reply(self, item: Work | Declined, body: bytes) -> list[Message]:
        reply = reply_message(body, item.delivery.properties, id_of(item))
        return [] if reply is None else [reply]

    def _retry(self, work: Work, retry: Retry) -> Message:
        ticket = self._keyring.issue_ticket(Ticket(work.principal, imprint(work.request), retry.number))
        request = msgspec.structs.replace(work.request, auth=ticket)
        return retry_message(request, self._retries[retry.delay], retry.number, work.delivery.properties)

    def _letter(self, item: Work | Declined, outcome: DeadLetter) -> Message:
        asked = item.delivery.properties
        read = not (isinstance(item, Declined) and item.unread)
        body = write_letter(
            known_body(item.delivery), asked.headers or {}, outcome.reason, item.secrets, self._now(), read=read
        )
        retried = isinstance(item, Work) and item.retries
        return self._sealed(item, body, without_tokens(asked.correlation_id or ""), asked.headers if retried else None)

    def _short_letter(self, item: Work | Declined, reason: str, size: int) -> Message:
        """What is in it has a known length, whatever the delivery holds."""
        named = {"id": id_of(item)}
        if isinstance(item, Work):
            named |= {"version": item.action.version, "action": item.action.name}
        return self._sealed(item, write_short_letter(named, size, reason, self._now()), id_of(item))

    def _sealed(
        self, item: Work | Declined, body: bytes, correlation_id: str, received: FieldTable | None = None
    ) -> Message:
        """Sealed: a message that the broker moves to the dead-letter queue has the headers that its caller gave it."""
        queue = self._topology.dead_letters
        principal, retries = (item.principal.subject, item.retries) if isinstance(item, Work) else (None, 0)
        headers = letter_headers(self._keyring.seal_letter(queue, principal, body), retries, principal)
        return letter_message(body, queue, correlation_id, headers, received)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _apology(self, item: Work | Declined, outcome: DeadLetter) -> list[Message]:
        if outcome.code is None:
            return []
        attempts = item.retries + 1 if isinstance(item, Work) else 1
        begin = RETRIES_EXHAUSTED if outcome.exhausted else ""  # clients of the first version look for these words
        text = f"{begin}Request failed after {attempts} attempt{'s' * (attempts > 1)}; it was kept as a dead letter"
        error = BY_CODE.get(outcome.code, Internal)(text)
        return self._reply(item, refusal(id_of(item), error))


def id_of(item: Work | Declined) -> str:
    """Return the request's id, or what is known of it."""
    return item.request.id if isinstance(item, Work) else item.id
