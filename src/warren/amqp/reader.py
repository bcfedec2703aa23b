"""Bytes to events, without a socket: every complete frame of a read in one pass (AMQP 0-9-1 section 4.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, TypeAlias

from pamqp import base

from warren.amqp.errors import ProtocolError
from warren.amqp.fields import text_of
from warren.amqp.frames import BODY, FRAME_END, HEADER, HEARTBEAT_KIND, METHOD, OVERHEAD
from warren.amqp.message import Delivery, Got, Properties, Returned, Settled
from warren.amqp.methods import decode_method
from warren.amqp.properties import decode_properties

Event: TypeAlias = Delivery | Got | Returned | Settled | base.Frame
"""What a channel hears: hot frames as our records, other methods as pamqp decodes them."""

_DELIVER, _GET_OK, _RETURN = 0x3C003C, 0x3C0047, 0x3C0032
_ACK, _NACK = 0x3C0050, 0x3C0078
_SETTLEMENTS = (_ACK, _NACK)
_HEAD = struct.Struct(">BHI").unpack_from
_INDEX = struct.Struct(">I").unpack_from
_TAG = struct.Struct(">QB").unpack_from
_ACK_FRAME = struct.Struct(">BHIIQBB").unpack_from
"""All of it: its head, the method, the tag, the bits and the frame's end."""
_ACK_SIZE = 21
"""Bytes of that."""
_COUNT = struct.Struct(">I").unpack_from
_CODE = struct.Struct(">H").unpack_from
_METHOD_TO_HEADER = struct.Struct(">BBHIHHQH").unpack_from
"""A method's end, the head of the header frame behind it, then class, weight, body size and flags."""
_FIXED = 22
"""Bytes of that."""
_HEADER_TO_BODY = struct.Struct(">BBHI").unpack_from
"""A header frame's end and the head of the body frame behind it."""
_CONTENT = struct.Struct(">HHQH").unpack_from
_MOST_NAMES = 4096


class _Content:
    """A message whose frames are still coming on one channel."""

    __slots__ = ("left", "method", "opening", "pieces", "properties", "sequence")

    def __init__(self, method: int, opening: tuple[Any, ...]) -> None:
        self.method = method
        self.opening = opening
        self.properties: Properties | None = None
        self.left = self.sequence = 0
        self.pieces: list[bytes] = []


class Reader:
    """Turns what arrives, in whatever pieces, into events.

    Nothing is copied twice while a large frame drips in. Whatever the bytes are, only ProtocolError comes out; the
    reader is of no use after it.
    """

    def __init__(self, frame_max: int = 131072) -> None:
        self.frame_max = frame_max
        self._pieces: list[bytes] = []
        self._have = self._need = 0
        self._next = 0  # where the frame begins that comes next; a delivery in one piece moves it past its own three
        self._contents: dict[int, _Content] = {}
        self._names: dict[bytes, tuple[str, ...]] = {}
        self._handlers = {METHOD: self._method, HEADER: self._header, BODY: self._body}

    def feed(self, data: bytes) -> Iterator[tuple[int, Event]]:
        """The events that `data` completes, each with its channel. Go through all of them before the next call.

        Raises:
            ProtocolError: Behind the last good event.
        """
        if self._pieces:
            self._pieces.append(data)
            self._have += len(data)
            if self._have < self._need:
                return
            data = b"".join(self._pieces)
            self._pieces.clear()
        at, length, need, handlers, largest = 0, len(data), 7, self._handlers, self.frame_max - OVERHEAD
        try:
            while length - at >= 7:
                kind, channel, size = _HEAD(data, at)
                end = at + 7 + size
                handler = handlers.get(kind)
                if handler is None or size > largest:
                    _check_head(data, at, kind, size, self.frame_max)
                if end >= length:
                    need = size + OVERHEAD
                    break
                if data[end] != FRAME_END:
                    raise ProtocolError("a frame does not end where it says")
                self._next = end + 1
                if handler is not None:
                    event = handler(data, at + 7, end, channel)
                    if event is not None:
                        yield channel, event
                at = self._next
        except (IndexError, struct.error, ValueError) as error:
            raise ProtocolError(f"a frame that cannot be read: {error}", 502) from error
        self._keep(data[at:], need)

    def _keep(self, rest: bytes, need: int) -> None:
        self._have, self._need = len(rest), need
        if rest:
            self._pieces.append(rest)

    def _method(self, data: bytes, at: int, end: int, channel: int) -> Event | None:
        index = _INDEX(data, at)[0]
        if channel in self._contents:
            raise ProtocolError(f"method {index:#x} in the middle of a message", 505)
        if index == _DELIVER:
            delivery = self._in_one_piece(data, at, end, channel)
            if delivery is not None:
                return delivery
            self._contents[channel] = _Content(index, self._deliver(data, at + 4, end))
        elif index in _SETTLEMENTS:
            tag, bits = _TAG(data, at + 4)
            if end - at != 13:
                raise ProtocolError("an acknowledgement of the wrong length", 502)
            if index == _ACK and not bits and self._next < len(data):
                return self._acks(data, channel, tag)
            return Settled(tag, bits & 1 == 1, index == _ACK)
        elif index == _GET_OK:
            self._contents[channel] = _Content(index, self._get_ok(data, at + 4, end))
        elif index == _RETURN:
            self._contents[channel] = _Content(index, self._return(data, at + 4, end))
        else:
            return decode_method(data[at - 7 : end + 1])
        return None

    def _in_one_piece(self, data: bytes, at: int, end: int, channel: int) -> Delivery | None:
        """The delivery whose three frames all lie here, as nearly all do, without a record of what is still to come.

        It judges nothing: what is not exactly as expected, or holds new names, goes the way of single frames, where it
        is named what is wrong.
        """
        try:
            _, kind, same, size, class_id, weight, length, flags = _METHOD_TO_HEADER(data, end)
            head_end = end + OVERHEAD + size
            mark, body_kind, body_same, body_size = _HEADER_TO_BODY(data, head_end)
            body_at = head_end + OVERHEAD
            body_end = body_at + body_size
            frames_fit = kind == HEADER and body_kind == BODY and same == body_same == channel
            if not (frames_fit and mark == data[body_end] == FRAME_END and class_id == 60 and not weight):
                return None
            if (
                not length
                or body_size != length
                or size > self.frame_max - OVERHEAD
                or body_size > self.frame_max - OVERHEAD
            ):
                return None
            tag_at = at + 5 + data[at + 4]
            delivery_tag, bits = _TAG(data, tag_at)
            (consumer_tag,) = self._names[data[at + 4 : tag_at]]
            exchange, routing_key = self._names[data[tag_at + 9 : end]]
            properties, _ = decode_properties(data, flags, end + _FIXED, head_end)
        except (LookupError, struct.error, ValueError, ProtocolError):
            return None
        self._next = body_end + 1
        body = data[body_at:body_end]
        return Delivery(consumer_tag, delivery_tag, bits & 1 == 1, exchange, routing_key, properties, body)

    def _acks(self, data: bytes, channel: int, first: int) -> Settled:
        """That ack, with those that follow it number by number: a broker that is busy sends many in one piece."""
        last, at, last_place = first, self._next, len(data) - _ACK_SIZE
        while at <= last_place and _ACK_FRAME(data, at) == (METHOD, channel, 13, _ACK, last + 1, 0, FRAME_END):
            last += 1
            at += _ACK_SIZE
        if last == first:
            return Settled(first, multiple=False, accepted=True)
        self._next = at
        return Settled(last, multiple=False, accepted=True, first=first)

    def _header(self, data: bytes, at: int, end: int, channel: int) -> Event | None:
        content = self._contents.get(channel)
        if content is None or content.properties is not None:
            raise ProtocolError("a content header without its method", 505)
        class_id, weight, size, flags = _CONTENT(data, at)
        if class_id != 60 or weight:
            raise ProtocolError(f"a content header of class {class_id}, weight {weight}", 501)
        content.properties, content.sequence = decode_properties(data, flags, at + 14, end)
        content.left = size
        return None if size else self._complete(channel, content, content.properties, b"")

    def _body(self, data: bytes, at: int, end: int, channel: int) -> Event | None:
        content = self._contents.get(channel)
        if content is None or content.properties is None:
            raise ProtocolError("a content body without its header", 505)
        left = content.left - (end - at)
        if left < 0:
            raise ProtocolError("more content than its header says", 501)
        piece = data[at:end]
        if left:
            content.left = left
            content.pieces.append(piece)
            return None
        body = b"".join((*content.pieces, piece)) if content.pieces else piece
        return self._complete(channel, content, content.properties, body)

    def _complete(self, channel: int, content: _Content, properties: Properties, body: bytes) -> Event:
        del self._contents[channel]
        if content.method == _DELIVER:
            consumer_tag, tag, redelivered, exchange, key = content.opening
            return Delivery(consumer_tag, tag, redelivered, exchange, key, properties, body)
        if content.method == _RETURN:
            code, text, exchange, key = content.opening
            return Returned(content.sequence, code, text, exchange, key, properties, body)
        tag, redelivered, exchange, key, count = content.opening
        return Got(Delivery("", tag, redelivered, exchange, key, properties, body), count)

    def _deliver(self, data: bytes, at: int, end: int) -> tuple[Any, ...]:
        tag_at = at + 1 + data[at]
        delivery_tag, bits = _TAG(data, tag_at)
        (consumer_tag,) = self._texts(data[at:tag_at], 1)
        exchange, routing_key = self._texts(data[tag_at + 9 : end], 2)
        return consumer_tag, delivery_tag, bits & 1 == 1, exchange, routing_key

    def _get_ok(self, data: bytes, at: int, end: int) -> tuple[Any, ...]:
        delivery_tag, bits = _TAG(data, at)
        exchange, routing_key = self._texts(data[at + 9 : end - 4], 2)
        return delivery_tag, bits & 1 == 1, exchange, routing_key, _COUNT(data, end - 4)[0]

    def _return(self, data: bytes, at: int, end: int) -> tuple[Any, ...]:
        return _CODE(data, at)[0], *self._texts(data[at + 2 : end], 3)

    def _texts(self, data: bytes, count: int) -> tuple[str, ...]:
        """The `count` short strings that make up `data`; the same ones come again and again."""
        texts = self._names.get(data)
        if texts is None or len(texts) != count:
            texts = _short_strings(data, count)
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            self._names[data] = texts
        return texts


def _short_strings(data: bytes, count: int) -> tuple[str, ...]:
    texts, at = [], 0
    for _ in range(count):
        start = at + 1
        at = start + data[at]
        texts.append(text_of(data[start:at]))
    if at != len(data):
        raise ProtocolError("a method does not end with its last name", 502)
    return tuple(texts)


def _check_head(data: bytes, at: int, kind: int, size: int, frame_max: int) -> None:
    """Let heartbeats pass (they carry nothing) and name what else is wrong with a frame's first seven bytes."""
    if kind not in (METHOD, HEADER, BODY, HEARTBEAT_KIND):
        raise ProtocolError(f"a frame of unknown type {kind}, it begins with {data[at : at + 24]!r}")
    if size > frame_max - OVERHEAD or (kind == HEARTBEAT_KIND and size):
        raise ProtocolError(f"a frame of type {kind} and {size} bytes where at most {frame_max} were agreed")
