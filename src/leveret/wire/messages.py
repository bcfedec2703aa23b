"""Our messages: the only place that makes a request, a reply, a retry or a dead letter into an AMQP message.

What is signed (tickets, seals) is made elsewhere and passed in. No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import structs

from leveret.amqp import Delivery, FieldTable, InvalidArgument, Message, Properties, size_of
from leveret.amqp.rabbitmq import DEATHS, DIRECT_REPLY_TO
from leveret.wire.attempts import Attempt, attempts_header
from leveret.wire.codec import encode_json
from leveret.wire.envelope import (
    CONTENT_TYPE,
    DEADLINE,
    PRINCIPAL,
    REDRIVE_PRIORITY,
    RETRY_COUNT,
    SEAL,
    TIMEOUT,
    Request,
)
from leveret.wire.marks import MARK, LetterMark
from leveret.wire.trace_context import TRACE_HEADERS, trace_headers

STATUS: Final = "worker-status"
"""The property ``type`` of a worker's report."""

_PERSISTENT: Final = 2

_SHORT_STRING: Final = 255
"""Bytes that a property may have (AMQP 0-9-1, section 4.2.5.3)."""

_SURELY_SHORT: Final = _SHORT_STRING // 4
"""Characters that never have more bytes than that in UTF-8."""

_OF_THE_QUEUE: Final = frozenset({"x-delivery-count", "x-acquired-count", "x-stream-offset"})
"""Headers that the broker adds to a delivery of a quorum queue or a stream; a copy does not have them."""

_LARGEST_DEATHS: Final = 16 * 1024
"""Bytes of `x-death` that a letter repeats; the broker writes some hundred for each queue and reason."""


def request_message(
    body: bytes,
    exchange: str,
    queue: str,
    request_id: str,
    waits: tuple[int, int] | None = None,
    *,
    trace: Mapping[str, str] | None = None,
) -> Message:
    """Make a client's request.

    Args:
        body: the encoded request.
        exchange: where requests are published.
        queue: the queue of requests, which is the routing key.
        request_id: the request's id.
        waits: for a caller that wants a reply: the deadline as POSIX time and the timeout, both in milliseconds. A
            caller that wants none does not wait either: its request has no deadline.
        trace: the headers that tell of the caller's trace; None without one.
    """
    properties = Properties(
        content_type=CONTENT_TYPE,
        headers=None if waits is None else {DEADLINE: waits[0], TIMEOUT: waits[1]},
        delivery_mode=_PERSISTENT,
        correlation_id=request_id,
        reply_to=None if waits is None else DIRECT_REPLY_TO,
    )
    if trace:
        properties = structs.replace(properties, headers={**(properties.headers or {}), **trace})
    return Message(body, queue, exchange, properties, mandatory=True)


def any_message(body: bytes, queue: str, exchange: str, properties: Properties, *, mandatory: bool = True) -> Message:
    """Make a message with any properties, right or wrong: what the conformance run sends to a worker or a client."""
    return Message(body, queue, exchange, properties, mandatory=mandatory)


def reply_message(body: bytes, asked: Properties, request_id: str) -> Message | None:
    """Make the reply to a request, or None where nobody waits for one.

    It is not mandatory: the broker returns every mandatory message to direct reply-to (RabbitMQ, "Direct Reply-to").

    Args:
        body: the encoded reply.
        asked: the properties of the request's message.
        request_id: the request's id, or what is known of it; stands in for a missing ``correlation_id``.
    """
    if not asked.reply_to:
        return None
    correlation_id = writable_id(asked.correlation_id) or request_id or None
    return Message(body, asked.reply_to, "", Properties(content_type=CONTENT_TYPE, correlation_id=correlation_id))


def retry_message(
    request: Request, queue: str, number: int, asked: Properties, attempts: Sequence[Attempt] = ()
) -> Message:
    """Make the message with which a request waits in a retry queue.

    It is a fresh message, because the broker drops one in silence that seems to have died in the same queue before. Of
    the headers of the request's message only the context of its trace is copied, see `leveret.wire.trace_context`.

    Args:
        request: what is asked for, with a ticket in ``auth``.
        queue: the retry queue.
        number: which retry this is, from 1.
        asked: the properties of the request's message.
        attempts: those that have failed so far; see `leveret.wire.attempts.bound_attempts`.
    """
    properties = Properties(
        content_type=CONTENT_TYPE,
        delivery_mode=_PERSISTENT,
        priority=asked.priority,
        correlation_id=writable_id(asked.correlation_id),
        reply_to=asked.reply_to,
        headers={RETRY_COUNT: number, **attempts_header(attempts), **trace_headers(asked.headers)},
    )
    return Message(encode_json(request), queue, "", properties, mandatory=True)


def letter_message(
    body: bytes, queue: str, headers: FieldTable, message_id: str, correlation_id: str | None
) -> Message:
    """Make a dead letter.

    Args:
        body: the encoded letter.
        queue: the queue of dead letters.
        headers: see `letter_headers`.
        message_id: the letter's own id.
        correlation_id: that of the request; left out where it cannot be written.
    """
    properties = Properties(
        content_type=CONTENT_TYPE,
        delivery_mode=_PERSISTENT,
        correlation_id=writable_id(correlation_id),
        message_id=message_id,
        headers=headers,
    )
    return Message(body, queue, "", properties, mandatory=True)


def first_copy(letter: Message, stream: str) -> Message:
    """Make the copy of a letter that was just written, for the stream of letters; both have one ``message_id``."""
    return structs.replace(letter, routing_key=stream, exchange="")


def letter_copy(letter: Delivery, queue: str) -> Message:
    """Make a copy of a letter for a queue; body, seal and ids stay what they are.

    What belongs to the way of the message and not to the letter does not come along: a copy does not expire.

    Args:
        letter: as it was delivered.
        queue: where it goes, through the default exchange.
    """
    properties = structs.replace(
        letter.properties,
        headers=own_headers(letter.properties) or None,
        expiration=None,
        reply_to=None,
        user_id=None,
        delivery_mode=_PERSISTENT,
    )
    return Message(letter.body, queue, "", properties, mandatory=True)


def own_headers(properties: Properties) -> FieldTable:
    """Return the headers of a message without those that the broker adds when it delivers it from a queue."""
    return {name: value for name, value in (properties.headers or {}).items() if name not in _OF_THE_QUEUE}


def stream_copy(letter: Delivery, stream: str) -> Message:
    """Make the copy of a letter for the stream that an index reads.

    It is not mandatory: a stream that is missing is not an error. It never looks like a mark.
    """
    copied = letter_copy(letter, stream)
    kind = None if letter.properties.type == MARK else letter.properties.type
    return structs.replace(copied, properties=structs.replace(copied.properties, type=kind), mandatory=False)


def properties_of(fields: Mapping[str, Any]) -> Properties:
    """Return the properties that were kept of a message, each under its name."""
    return Properties(**fields)


def mark_message(mark: LetterMark, stream: str) -> Message:
    """Make the message of a mark. It is not mandatory: a stream that is missing is not an error."""
    properties = Properties(content_type=CONTENT_TYPE, type=MARK, delivery_mode=_PERSISTENT)
    return Message(encode_json(mark), stream, "", properties)


def status_message(body: bytes, stream: str) -> Message:
    """Make the message with which a worker reports; it is not mandatory, and not worth keeping through a restart."""
    return Message(body, stream, "", Properties(content_type=CONTENT_TYPE, type=STATUS, delivery_mode=1))


def trial_message(key: str, exchange: str = "", *, invalid: bool = False) -> Message:
    """Make an empty message that only shows what the broker does with it.

    Args:
        key: a routing key that leads to no queue.
        exchange: where it is published.
        invalid: whether it has properties of which the broker refuses each, with 406, after it has checked the
            permission to write.
    """
    properties = Properties(expiration="a text instead of a number", user_id=key) if invalid else Properties()
    return Message(b"", key, exchange, properties)


def letter_headers(
    seal: str, retries: int = 0, principal: str | None = None, received: FieldTable | None = None
) -> FieldTable:
    """Make the headers of a dead letter.

    Args:
        seal: shows that a worker wrote the letter; see `leveret.auth.seals`.
        retries: how many retries lie behind the request.
        principal: the verified caller's subject, or None where nobody was verified.
        received: the headers of a request that was retried, of which the letter repeats the broker's `x-death`.
    """
    headers: FieldTable = {RETRY_COUNT: retries, SEAL: seal}
    if principal is not None:
        headers[PRINCIPAL] = principal
    return headers | _deaths(received or {})


def redriven_message(
    request: Request, exchange: str, queue: str, letter: Mapping[str, object] | None = None
) -> Message:
    """Make the request as which a dead letter is sent again.

    Nobody waits for its reply. Its priority is low, so that on RabbitMQ 4.3 many of them keep no live request waiting.

    Args:
        request: what is asked for, with a ticket in ``auth``, or with nothing there for a public action.
        exchange: where requests are published.
        queue: the queue of requests, which is the routing key.
        letter: the headers of the letter, of which only the context of a trace is copied.
    """
    properties = Properties(
        content_type=CONTENT_TYPE,
        delivery_mode=_PERSISTENT,
        priority=REDRIVE_PRIORITY,
        correlation_id=request.id,
        headers={RETRY_COUNT: 0, **trace_headers(letter)},
    )
    return Message(encode_json(request), queue, exchange, properties, mandatory=True)


def traced_message(message: Message, trace: Mapping[str, str]) -> Message:
    """Return a message that names another span than the one that it follows; the same one where ``trace`` is empty."""
    if not trace:
        return message
    others = {name: value for name, value in (message.properties.headers or {}).items() if name not in TRACE_HEADERS}
    return structs.replace(message, properties=structs.replace(message.properties, headers={**others, **trace}))


def writable_id(correlation_id: str | None) -> str | None:
    """Return a ``correlation_id`` if it can be written, otherwise None.

    Bytes that are not UTF-8 were read as escapes, with which it may have become too long.
    """
    if not correlation_id or (len(correlation_id) > _SURELY_SHORT and len(correlation_id.encode()) > _SHORT_STRING):
        return None
    return correlation_id


def _deaths(received: FieldTable) -> FieldTable:
    """Repeat what the broker says of a message's way, if it can be written and is no larger than a broker's."""
    told = {name: value for name, value in received.items() if name == DEATHS}
    try:
        return told if size_of(told) <= _LARGEST_DEATHS else {}
    except InvalidArgument:
        return {}
