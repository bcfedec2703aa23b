"""From an outcome to the messages that it causes: replies, retries, dead letters. No I/O."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from leveret.amqp import FieldTable, InvalidArgument, Message, Properties, size_of
from leveret.auth.keyring import Keyring, Ticket
from leveret.errors import BY_CODE, Internal
from leveret.letters.letter import known_body, sealed_content, write_letter, write_short_letter
from leveret.outcome import RETRIES_EXHAUSTED, Answer, DeadLetter, Outcome, Retry
from leveret.topology import Topology
from leveret.wire.codec import encode_json, imprint, refusal
from leveret.wire.envelope import CONTENT_TYPE, DEATHS, PRINCIPAL, RETRY_COUNT, SEAL
from leveret.wire.masking import without_tokens
from leveret.worker.work import Declined, Work

_PERSISTENT: Final = 2
_SHORT_STRING: Final = 255
"""Bytes in a property (AMQP 0-9-1, section 4.2.5.3)."""
_SURELY_SHORT: Final = _SHORT_STRING // 4
"""Characters that have no more bytes than that in UTF-8."""

_LARGEST_DEATHS: Final = 16 * 1024
"""Bytes of `x-death` that a letter repeats; the broker writes some hundred for each queue and reason."""


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

        In place of a reply it is one that says so, in place of a retry a letter, and in place of a letter a short one.
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
        """Not mandatory: the broker returns every mandatory message to direct reply-to (as its page on that says)."""
        asked = item.delivery.properties
        if not asked.reply_to:
            return []
        correlation_id = _echo(asked.correlation_id) or id_of(item) or None
        properties = Properties(content_type=CONTENT_TYPE, correlation_id=correlation_id)
        return [Message(body, asked.reply_to, "", properties)]

    def _retry(self, work: Work, retry: Retry) -> Message:
        """A fresh message: the broker drops one in silence that seems to have died in the same queue before."""
        ticket = self._keyring.issue_ticket(Ticket(work.principal, imprint(work.request), retry.number))
        asked = work.delivery.properties
        properties = Properties(
            content_type=CONTENT_TYPE,
            delivery_mode=_PERSISTENT,
            priority=asked.priority,
            correlation_id=_echo(asked.correlation_id),
            reply_to=asked.reply_to,
            headers={RETRY_COUNT: retry.number},
        )
        body = encode_json(msgspec.structs.replace(work.request, auth=ticket))
        return Message(body, self._retries[retry.delay], "", properties, mandatory=True)

    def _letter(self, item: Work | Declined, outcome: DeadLetter) -> Message:
        asked = item.delivery.properties
        received = asked.headers or {}
        read = not (isinstance(item, Declined) and item.unread)
        body = write_letter(known_body(item.delivery), received, outcome.reason, item.secrets, self._now(), read=read)
        headers = self._sealed_headers(item, body)
        if isinstance(item, Work) and item.retries:
            headers |= _deaths(received)
        return self._to_dead_letters(_echo(without_tokens(asked.correlation_id or "")), body, headers)

    def _short_letter(self, item: Work | Declined, reason: str, size: int) -> Message:
        """What is in it has a known length, whatever the delivery holds."""
        named = {"id": id_of(item)}
        if isinstance(item, Work):
            named |= {"version": item.action.version, "action": item.action.name}
        body = write_short_letter(named, size, reason, self._now())
        return self._to_dead_letters(_echo(id_of(item)), body, self._sealed_headers(item, body))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _to_dead_letters(self, correlation_id: str | None, body: bytes, headers: FieldTable) -> Message:
        properties = Properties(
            content_type=CONTENT_TYPE, delivery_mode=_PERSISTENT, correlation_id=correlation_id, headers=headers
        )
        return Message(body, self._topology.dead_letters, "", properties, mandatory=True)

    def _sealed_headers(self, item: Work | Declined, body: bytes) -> FieldTable:
        """Sealed: a message that the broker moves to the dead-letter queue has the headers that its caller gave it."""
        principal = item.principal.subject if isinstance(item, Work) else None
        seal = self._keyring.seal_letter(sealed_content(self._topology.dead_letters, principal, body))
        headers: FieldTable = {RETRY_COUNT: item.retries if isinstance(item, Work) else 0, SEAL: seal}
        if isinstance(item, Work):
            headers |= {PRINCIPAL: principal}
        return headers

    def _apology(self, item: Work | Declined, outcome: DeadLetter) -> list[Message]:
        if outcome.code is None:
            return []
        attempts = item.retries + 1 if isinstance(item, Work) else 1
        begin = RETRIES_EXHAUSTED if outcome.exhausted else ""  # clients of the first version look for these words
        text = f"{begin}Request failed after {attempts} attempt{'s' * (attempts > 1)}; it was kept as a dead letter"
        error = BY_CODE.get(outcome.code, Internal)(text)
        return self._reply(item, refusal(id_of(item), error))


def _deaths(received: FieldTable) -> FieldTable:
    """Repeat what the broker says of a message's way, where that can be written and is no larger than a broker's."""
    told = {name: value for name, value in received.items() if name == DEATHS}
    try:
        return told if size_of(told) <= _LARGEST_DEATHS else {}
    except InvalidArgument:
        return {}


def _echo(correlation_id: str | None) -> str | None:
    """Give it back where it can be written: bytes that are no UTF-8 were read as escapes, which may be too long."""
    if not correlation_id or (len(correlation_id) > _SURELY_SHORT and len(correlation_id.encode()) > _SHORT_STRING):
        return None
    return correlation_id


def id_of(item: Work | Declined) -> str:
    """The request's id, or what is known of it."""
    return item.request.id if isinstance(item, Work) else item.id
