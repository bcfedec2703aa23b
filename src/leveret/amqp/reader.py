"""Turns bytes into events, without a socket: all complete frames of a read in one pass (AMQP 0-9-1 section 4.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, TypeAlias

from pamqp import base

from leveret.amqp.content import DELIVER, GET_OK, RETURN, Content
from leveret.amqp.errors import ProtocolError
from leveret.amqp.fields import short_strings
from leveret.amqp.frames import BODY, FRAME_END, HEADER, HEARTBEAT_KIND, METHOD, OVERHEAD
from leveret.amqp.message import EMPTY, Confirmation, Delivery, FetchedMessage, Properties, ReturnedMessage
from leveret.amqp.methods import decode_method
from leveret.amqp.properties import decode_properties

Event: TypeAlias = Delivery | FetchedMessage | ReturnedMessage | Confirmation | base.Frame
"""What a channel receives: frequent frames as our records, other methods as pamqp decodes them."""

_ACK, _NACK = 0x3C0050, 0x3C0078
_SETTLEMENTS = (_ACK, _NACK)
_HEAD = struct.Struct(">BHI").unpack_from
_INDEX = struct.Struct(">I").unpack_from
_TAG = struct.Struct(">QB").unpack_from
_ACK_FRAME = struct.Struct(">BHIIQBB").unpack_from
"""A complete ack frame (head, method, tag, bits, frame end); and its size in bytes."""
_ACK_SIZE = 21
_COUNT = struct.Struct(">I").unpack_from
_CODE = struct.Struct(">H").unpack_from
_METHOD_TO_HEADER = struct.Struct(">BBHIHHQH").unpack_from
"""A method's frame end, the head of the header frame behind it, then class, weight, body size and flags."""
_FIXED = 22
"""The size of that in bytes."""
_HEADER_TO_BODY = struct.Struct(">BBHI").unpack_from
"""A header's frame end, and the head of the body frame behind it."""
_CONTENT = struct.Struct(">HHQH").unpack_from
_MOST_NAMES = 4096

LARGEST_HEADER = 1024 * 1024
"""Bytes of the largest method or header frame that is kept. The agreed size of a frame limits frames of bodies only.

RabbitMQ sends a message's header as one frame of any size (AMQP 0-9-1 errata, item 11), and adds to the headers that a
client sent: `x-delivery-count`, `x-death` with all routing keys, and others.
"""

_HEADER_START = 14
"""Bytes of a header frame's payload before the properties: class, weight, body size and flags."""
_END = bytes((FRAME_END,))


class Reader:
    """Turns bytes into events, in whatever pieces they arrive. No byte of a large frame is copied twice.

    Bytes that are not AMQP raise ProtocolError and nothing else; the reader cannot be used after that. But a message
    whose properties cannot be read arrives without them, because the broker would deliver it again and again.

    Args:
        frame_max: Bytes of the largest frame of a body.
        largest_header: Bytes of the largest header that is kept.

    Attributes:
        largest_bodies: Bytes of the largest body that is kept for a consumer, by its tag; a frame or more.
    """

    def __init__(self, frame_max: int = 131072, largest_header: int = LARGEST_HEADER) -> None:
        self.frame_max = frame_max
        self.largest_bodies: dict[str, int] = {}
        self._largest_header = largest_header
        self._passing = 0  # how many bytes are still to come of a header that is not kept
        self._pieces: list[bytes] = []
        self._missing = 0  # how many bytes are still to come of a frame that has begun
        self._next = 0  # where the next frame begins; a delivery in one piece moves it past its three frames
        self._contents: dict[int, Content] = {}
        self._names: dict[bytes, tuple[str, ...]] = {}
        self._handlers = {METHOD: self._method, HEADER: self._header, BODY: self._body}

    def feed(self, data: bytes) -> Iterator[tuple[int, Event]]:
        """Yield the events that `data` completes, each with its channel. Exhaust the iterator before the next call.

        Raises:
            ProtocolError: The bytes are not AMQP; all events before them have been yielded.
        """
        if self._pieces or self._passing:
            data = self._continued(data)
            if not data:
                return
        at, length, need, handlers, largest = 0, len(data), 7, self._handlers, self.frame_max - OVERHEAD
        try:
            while length - at >= 7:
                kind, channel, size = _HEAD(data, at)
                end = at + 7 + size
                handler = handlers.get(kind)
                if handler is None or size > largest:
                    end = self._checked_end(data, at, kind, size)
                if end >= length:
                    need = size + OVERHEAD
                    break
                if data[end] != FRAME_END:
                    raise ProtocolError("a frame does not end where it says")
                self._next = end + 1
                event = handler(data, at + 7, end, channel) if handler is not None else None
                if event is not None:
                    yield channel, event
                at = self._next
            if need > self._largest_header + OVERHEAD:
                yield from self._leave_out_header(data[at:], need)
                return
        except (IndexError, struct.error, ValueError) as error:
            raise ProtocolError(f"a frame that cannot be read: {error}", 502) from error
        self._keep(data[at:], need)

    def _continued(self, data: bytes) -> bytes:
        """Return the bytes that can be read now; none when the frame is not complete yet."""
        if self._passing:
            passed = min(self._passing, len(data))
            self._passing -= passed
            if not self._passing and data[passed - 1 : passed] != _END:
                raise ProtocolError("a frame does not end where it says")
            return data[passed:]
        self._pieces.append(data)
        self._missing -= len(data)
        if self._missing > 0:
            return b""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data

    def _keep(self, rest: bytes, need: int) -> None:
        self._missing = need - len(rest)
        if rest:
            self._pieces.append(rest)

    def _leave_out_header(self, begun: bytes, need: int) -> Iterator[tuple[int, Event]]:
        """Skip a header that is too large to be kept; its message arrives without it."""
        if len(begun) < 7 + _HEADER_START:
            self._keep(begun, 7 + _HEADER_START)
            return
        why = f"its header has {need - OVERHEAD} bytes, and at most {self._largest_header} are read"
        channel = _HEAD(begun, 0)[1]
        event = self._begin_content(channel, begun, 7, (EMPTY, 0), why)
        if event is not None:
            yield channel, event
        self._passing = need
        yield from self.feed(begun)

    def _checked_end(self, data: bytes, at: int, kind: int, size: int) -> int:
        """Check a frame's first seven bytes, and return where the frame ends.

        For a header that is not kept it returns the end of the data, even when the frame ends before.
        """
        if kind not in (METHOD, HEADER, BODY, HEARTBEAT_KIND):
            raise ProtocolError(f"a frame of unknown type {kind}, it begins with {data[at : at + 24]!r}")
        most = {HEARTBEAT_KIND: 0, BODY: self.frame_max - OVERHEAD}.get(kind, self._largest_header)
        if size > most and kind != HEADER:
            raise ProtocolError(f"a frame of type {kind} and {size} bytes where at most {most + OVERHEAD} are taken")
        return at + 7 + size if size <= most else len(data)

    def _method(self, data: bytes, at: int, end: int, channel: int) -> Event | None:
        if channel in self._contents:
            raise ProtocolError("a method in the middle of a message", 505)
        index = _INDEX(data, at)[0]
        if index == DELIVER:
            delivery = self._in_one_piece(data, at, end, channel)
            if delivery is not None:
                return delivery
            self._contents[channel] = Content(index, self._deliver(data, at + 4, end))
        elif index in _SETTLEMENTS:
            tag, bits = _TAG(data, at + 4)
            if end - at != 13:
                raise ProtocolError("an acknowledgement of the wrong length", 502)
            if index == _ACK and not bits and self._next < len(data):
                return self._acks(data, channel, tag)
            return Confirmation(tag, bits & 1 == 1, index == _ACK)
        elif index == GET_OK:
            self._contents[channel] = Content(index, self._get_ok(data, at + 4, end))
        elif index == RETURN:
            self._contents[channel] = Content(index, self._return(data, at + 4, end))
        else:
            return decode_method(data[at - 7 : end + 1])
        return None

    def _in_one_piece(self, data: bytes, at: int, end: int, channel: int) -> Delivery | None:
        """Return the delivery when all its three frames are here, as they nearly always are.

        Otherwise, or when anything is not exactly as expected or a name is new, return None: then the frames are
        read one by one, which raises the errors.
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

    def _acks(self, data: bytes, channel: int, first: int) -> Confirmation:
        """Join an ack with those that follow it number by number: a busy broker sends many in one piece."""
        last, at, last_place = first, self._next, len(data) - _ACK_SIZE
        while at <= last_place and _ACK_FRAME(data, at) == (METHOD, channel, 13, _ACK, last + 1, 0, FRAME_END):
            last += 1
            at += _ACK_SIZE
        if last == first:
            return Confirmation(first, multiple=False, accepted=True)
        self._next = at
        return Confirmation(last, multiple=False, accepted=True, first=first)

    def _header(self, data: bytes, at: int, end: int, channel: int) -> Event | None:
        header = data[at:end]
        flags = _CONTENT(header, 0)[3]
        try:
            found, unreadable = decode_properties(header, flags, _HEADER_START, end - at), ""
        except (IndexError, struct.error, ValueError, ProtocolError) as error:
            words = error.text if isinstance(error, ProtocolError) else str(error)
            found, unreadable = (EMPTY, 0), f"its properties are not what AMQP knows: {words}"
        return self._begin_content(channel, data, at, found, unreadable)

    def _begin_content(
        self, channel: int, data: bytes, at: int, found: tuple[Properties, int], unreadable: str
    ) -> Event | None:
        content = self._contents.get(channel)
        if content is None or content.properties is not None:
            raise ProtocolError("a content header without its method", 505)
        class_id, weight, size, _ = _CONTENT(data, at)
        if class_id != 60 or weight:
            raise ProtocolError(f"a content header of class {class_id}, weight {weight}", 501)
        if unreadable and content.method == RETURN:  # the properties hold the number of the publish
            raise ProtocolError(f"a message that came back cannot be told from others: {unreadable}", 502)
        content.properties, content.sequence = found
        content.unreadable, content.left = unreadable, size
        if size:
            if size > self.frame_max and content.method == DELIVER:
                content.leave_out_above(self.largest_bodies.get(content.opening[0]))
            return None
        del self._contents[channel]
        return content.event(b"")

    def _body(self, data: bytes, at: int, end: int, channel: int) -> Event | None:
        content = self._contents.get(channel)
        if content is None or content.properties is None:
            raise ProtocolError("a content body without its header", 505)
        left = content.left - (end - at)
        if left < 0:
            raise ProtocolError("more content than its header says", 501)
        piece = b"" if content.left_out else data[at:end]
        if left:
            content.left = left
            if piece:
                content.pieces.append(piece)
            return None
        body = b"".join((*content.pieces, piece)) if content.pieces else piece
        del self._contents[channel]
        return content.event(body)

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
        """Return the short strings in `data`, exactly `count`; cached, because the same ones come again."""
        texts = self._names.get(data)
        if texts is None or len(texts) != count:
            texts = short_strings(data, count)
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            self._names[data] = texts
        return texts
