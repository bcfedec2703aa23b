"""The messages of retries and dead letters, and shorter ones in place of what the broker does not take. No I/O."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from leveret.amqp import FieldTable, Message
from leveret.auth.keyring import Keyring, Ticket
from leveret.errors import BY_CODE, Internal, RetriesExhausted
from leveret.outcome import RETRIES_EXHAUSTED, DeadLetter, Outcome, Retry
from leveret.topology import Topology
from leveret.wire.attempts import Attempt, attempts_digest, bound_attempts, failed_attempt
from leveret.wire.codec import imprint, refusal
from leveret.wire.envelope import ATTEMPTS
from leveret.wire.ids import new_id
from leveret.wire.kept import known_body
from leveret.wire.letter import LetterFacts, write_letter, write_short_letter
from leveret.wire.masking import shown, without_tokens
from leveret.wire.messages import letter_headers, letter_message, reply_message, retry_message
from leveret.wire.trace_context import trace_headers
from leveret.wire.words import counted
from leveret.worker.work import DeclinedDelivery, Work

LONGEST_VERSION: Final = 100
"""Characters of the application's version that stand in letters."""


class OutcomeMessages:
    """Writes the messages of outcomes, for one topology.

    Args:
        topology: names at the broker.
        keyring: makes tickets and seals.
        worker: the worker's name, for the record of attempts.
        version: version of the application, for letters and the record of attempts.
        clock: POSIX time in seconds.
    """

    def __init__(
        self,
        topology: Topology,
        keyring: Keyring,
        *,
        worker: str = "",
        version: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._topology = topology
        self._retry_queues = topology.retry_queues
        self._keyring = keyring
        self.worker = worker
        self._version = shown(version, LONGEST_VERSION)
        self._clock = clock

    def of(self, item: Work | DeclinedDelivery, outcome: Retry | DeadLetter) -> list[Message]:
        """Write what has to be published before the delivery may be acked; only work is retried."""
        if isinstance(outcome, DeadLetter):
            return [self._letter(item, outcome), *self._apology(item, outcome)]
        return [self._retry(item, outcome)] if isinstance(item, Work) else []

    def shorter(
        self, item: Work | DeclinedDelivery, outcome: Outcome, message: Message
    ) -> tuple[Outcome, list[Message]]:
        """Write the replacement of a message that the broker does not take, nearly always because of its size.

        A reply is replaced by an error response that says so, a retry by a dead letter, and a letter by a short one.
        """
        if not message.mandatory:
            reply = self.too_large(message, item.subject.id)
            return outcome, [reply] if reply else []
        if isinstance(outcome, Retry):
            size = len(message.body)
            text = f"not retried, because the broker does not take its message of {size} bytes: {outcome.reason}"
            return self.last_resort(item, text)
        letter = outcome if isinstance(outcome, DeadLetter) else DeadLetter("")
        return outcome, [self._short_letter(item, letter, len(message.body))]

    def last_resort(self, item: Work | DeclinedDelivery, reason: str) -> tuple[Outcome, list[Message]]:
        """Give up a request that cannot be settled in another way, with a letter that is as short as possible."""
        outcome = DeadLetter(reason, Internal.code)
        letter = self._short_letter(item, outcome, item.delivery.left_out or len(item.delivery.body))
        return outcome, [letter, *self._apology(item, outcome)]

    def too_large(self, reply: Message, request_id: str) -> Message | None:
        """Write an error response in place of a reply that the broker does not take; None if it is not shorter."""
        text = f"The response has {len(reply.body)} bytes, and the broker does not take it; the request was executed"
        body = refusal(request_id, Internal(text))
        return msgspec.structs.replace(reply, body=body) if len(body) < len(reply.body) else None

    def _retry(self, work: Work, retry: Retry) -> Message:
        attempts = self._attempts(work, self._now(), retry.reason)
        ticket = Ticket(work.principal, imprint(work.request), retry.number, attempts_digest(attempts))
        request = msgspec.structs.replace(work.request, auth=self._keyring.issue_ticket(ticket))
        return retry_message(request, self._retry_queues[retry.delay], retry.number, work.delivery.properties, attempts)

    def _letter(self, item: Work | DeclinedDelivery, outcome: DeadLetter) -> Message:
        asked, facts = item.delivery.properties, self._facts(item, outcome)
        read = not (isinstance(item, DeclinedDelivery) and item.unread)
        headers = asked.headers or {}
        if isinstance(item, Work) and item.attempts:
            headers = {name: value for name, value in headers.items() if name != ATTEMPTS}  # the facts have them
        body = write_letter(known_body(item.delivery), headers, item.secrets, facts, read=read)
        correlation_id = without_tokens(asked.correlation_id or "")
        retried = isinstance(item, Work) and item.retries > 0
        return self._sealed(item, body, facts.message_id, correlation_id, headers if retried else None)

    def _short_letter(self, item: Work | DeclinedDelivery, outcome: DeadLetter, size: int) -> Message:
        """Write a letter whose parts all have a limited length, whatever the delivery holds."""
        named = {"id": item.subject.id}
        if isinstance(item, Work):
            named |= {"version": item.action.version, "action": item.action.name}
        facts = self._facts(item, outcome)
        return self._sealed(item, write_short_letter(named, size, facts), facts.message_id, item.subject.id)

    def _facts(self, item: Work | DeclinedDelivery, outcome: DeadLetter) -> LetterFacts:
        now, failure = self._now(), outcome.failure
        return LetterFacts(
            new_id(),
            now,
            outcome.reason,
            outcome.code,
            failure.exception if failure else None,
            failure.place if failure else None,
            self._attempts(item, now, outcome.attempt),
            self._version,
        )

    def _attempts(self, item: Work | DeclinedDelivery, now: datetime, reason: str | None) -> tuple[Attempt, ...]:
        """Return the attempts that failed so far: those that the request's message lists, and perhaps the latest."""
        before = item.attempts if isinstance(item, Work) else ()
        if reason is None:
            return before
        return bound_attempts([*before, failed_attempt(now, self.worker, reason, self._version)])

    def _sealed(
        self,
        item: Work | DeclinedDelivery,
        body: bytes,
        message_id: str,
        correlation_id: str,
        received: FieldTable | None = None,
    ) -> Message:
        """Make a letter's message, with a seal; a request that the broker itself moved to that queue has none."""
        queue = self._topology.dead_letters
        principal, retries = (item.principal.subject, item.retries) if isinstance(item, Work) else (None, 0)
        seal = self._keyring.seal_letter(queue, principal, body)
        headers = letter_headers(seal, retries, principal, received) | trace_headers(item.delivery.properties.headers)
        return letter_message(body, queue, headers, message_id, correlation_id)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _apology(self, item: Work | DeclinedDelivery, outcome: DeadLetter) -> list[Message]:
        if outcome.reply_code is None:
            return []
        attempts = item.retries + 1 if isinstance(item, Work) else 1
        # Clients of the first version look for these words.
        begin = RETRIES_EXHAUSTED if outcome.code == RetriesExhausted.code else ""
        text = f"{begin}Request failed after {counted(attempts, 'attempt')}; it was kept as a dead letter"
        error = BY_CODE.get(outcome.reply_code, Internal)(text)
        reply = reply_message(refusal(item.subject.id, error), item.delivery.properties, item.subject.id)
        return [reply] if reply else []
