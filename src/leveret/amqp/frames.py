"""The frequent frames, written without pamqp (AMQP 0-9-1 section 4.2); `leveret.amqp.methods` writes the others."""

from __future__ import annotations

import struct
from functools import lru_cache

from leveret.amqp.errors import InvalidArgument
from leveret.amqp.fields import short_string
from leveret.amqp.message import Message
from leveret.amqp.properties import encode_properties

PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
HEARTBEAT = b"\x08\x00\x00\x00\x00\x00\x00\xce"
METHOD, HEADER, BODY, HEARTBEAT_KIND, FRAME_END = 1, 2, 3, 8, 0xCE
OVERHEAD = 8
"""Bytes of a frame in addition to its payload."""

_AROUND = OVERHEAD + 14
"""Bytes of a header frame in addition to the properties."""

_HEAD = struct.Struct(">BHI").pack
_PUBLISH = struct.Struct(">BHIHHH").pack
_CONTENT = struct.Struct(">BBHIHHQH").pack
_BODY = struct.Struct(">BBHI").pack
_ACK = struct.Struct(">BHIHHQBB").pack


def ack(channel: int, delivery_tag: int, *, multiple: bool) -> bytes:
    """Return the frame of a basic.ack; raises as `nack`."""
    return _settlement(channel, 80, delivery_tag, multiple)


def nack(channel: int, delivery_tag: int, *, multiple: bool, requeue: bool) -> bytes:
    """Return the frame of a basic.nack (RabbitMQ's extension).

    Raises:
        InvalidArgument: The delivery tag is not a whole number of at most 64 bits.
    """
    return _settlement(channel, 120, delivery_tag, multiple | requeue << 1)


def reject(channel: int, delivery_tag: int, *, requeue: bool) -> bytes:
    """Return the frame of a basic.reject; raises as `nack`."""
    return _settlement(channel, 90, delivery_tag, requeue)


def _settlement(channel: int, method: int, delivery_tag: int, bits: int) -> bytes:
    try:
        return _ACK(METHOD, channel, 13, 60, method, delivery_tag, bits, FRAME_END)
    except struct.error as error:
        raise InvalidArgument(f"{delivery_tag!r} is not a delivery tag") from error


def publish(channel: int, message: Message, frame_max: int, sequence: int = 0) -> bytes:
    """Return the frames of a basic.publish: method, header and body.

    A `sequence` other than 0 goes into the message's headers, see `SEQUENCE_HEADER`.

    Raises:
        InvalidArgument: AMQP cannot carry a name or a property, the properties are larger than a frame, or the body is
            not bytes.
    """
    body = message.body
    try:
        size = len(body)
        method = _publish_method(channel, message.exchange, message.routing_key, message.mandatory)
        flags, properties = encode_properties(message.properties, sequence)
        if len(properties) > frame_max - _AROUND:
            raise InvalidArgument(
                f"the properties have {len(properties)} bytes; {frame_max - _AROUND} fit into a frame"
            )
        header = _CONTENT(FRAME_END, HEADER, channel, 14 + len(properties), 60, 0, size, flags)
        if not size:
            return b"".join((method, header, properties, b"\xce"))
        if size <= frame_max - OVERHEAD:
            return b"".join((method, header, properties, _BODY(FRAME_END, BODY, channel, size), body, b"\xce"))
        return b"".join((method, header, properties, b"\xce", *_split(channel, body, frame_max - OVERHEAD)))
    except TypeError as error:
        raise InvalidArgument(f"a message cannot be made of these: {error}") from error


@lru_cache(maxsize=1024)
def _publish_method(channel: int, exchange: str, routing_key: str, mandatory: bool) -> bytes:
    """Return the method frame without its last byte, which `_CONTENT` writes."""
    names = short_string(exchange) + short_string(routing_key)
    return _PUBLISH(METHOD, channel, 7 + len(names), 60, 40, 0) + names + (b"\x01" if mandatory else b"\x00")


def _split(channel: int, body: bytes, largest: int) -> list[bytes]:
    pieces: list[bytes] = []
    for start in range(0, len(body), largest):
        piece = body[start : start + largest]
        pieces += _HEAD(BODY, channel, len(piece)), piece, b"\xce"
    return pieces
