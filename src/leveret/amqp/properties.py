"""The properties of a message as bytes: flags, then the present values in order (AMQP 0-9-1 section 4.2.6.1)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import cast

import msgspec

from leveret.amqp.errors import InvalidArgument, ProtocolError
from leveret.amqp.fields import decode_table, encode_fields, encode_table, short_string, text_of
from leveret.amqp.message import FieldTable, Properties

SEQUENCE_HEADER = "x-publish-seq"
"""The header with the number of a mandatory publish: a returned message has no delivery tag to recognise it by."""

_OCTET, _UINT32, _UINT64 = struct.Struct(">B"), struct.Struct(">I"), struct.Struct(">Q")
_SEQUENCE_FIELD = short_string(SEQUENCE_HEADER) + b"l"
_NOTHING: list[object] = [None] * 14
_HEADERS = 2
_CONTENT_TYPE, _TABLE, _MODE, _CORRELATION, _REPLY_TO = 0x8000, 0x2000, 0x1000, 0x0400, 0x0200
_RARE = 0xFFFF & ~(_CONTENT_TYPE | _TABLE | _MODE | _CORRELATION | _REPLY_TO)
"""Flags that our requests and replies do not use; a message with one of them takes the general, slower way."""
_NOTHING_RARE = (None,) * 7
_as_tuple = msgspec.structs.astuple


def _delivery_mode(value: int) -> bytes:
    if value not in (1, 2):
        raise InvalidArgument(f"delivery_mode is {value!r}; it is 1 (transient) or 2 (persistent)")
    return _OCTET.pack(value)


_ENCODERS: dict[str, Callable[..., bytes]] = {
    "headers": encode_table,
    "delivery_mode": _delivery_mode,
    "priority": _OCTET.pack,
    "timestamp": _UINT64.pack,
}
_LAYOUT = [(0x8000 >> n, _ENCODERS.get(name, short_string)) for n, name in enumerate(Properties.__struct_fields__)]


def encode_properties(properties: Properties, sequence: int = 0) -> tuple[int, bytes]:
    """Return the flags and the bytes of `properties`, with the sequence header unless it is 0.

    Raises:
        InvalidArgument: AMQP cannot carry a value.
    """
    values = _as_tuple(properties)
    content_type, encoding, headers, mode, priority, correlation_id, reply_to = values[:7]
    if encoding is not None or priority is not None or values[7:] != _NOTHING_RARE:
        return _encode_any(properties, sequence)
    try:
        flags, front, middle, back = _around(content_type, mode, reply_to)
        table = b""
        if sequence or headers is not None:
            flags |= _TABLE
            table = _encode_headers(headers or {}, sequence)
        if correlation_id is not None:
            flags |= _CORRELATION
            middle += short_string(correlation_id)
    except (struct.error, TypeError, AttributeError) as error:
        raise InvalidArgument(f"{properties!r}: {error}") from error
    return flags, b"".join((front, table, middle, back))


@lru_cache(maxsize=1024, typed=True)
def _around(content_type: str | None, mode: int | None, reply_to: str | None) -> tuple[int, bytes, bytes, bytes]:
    """Return flags and the bytes before the headers, before the correlation id and after it; cached, as they repeat."""
    flags, front, middle, back = 0, b"", b"", b""
    if content_type is not None:
        flags, front = _CONTENT_TYPE, short_string(content_type)
    if mode is not None:
        flags, middle = flags | _MODE, _delivery_mode(mode)
    if reply_to is not None:
        flags, back = flags | _REPLY_TO, short_string(reply_to)
    return flags, front, middle, back


def _encode_headers(headers: FieldTable, sequence: int) -> bytes:
    if not sequence:
        return encode_table(headers)
    if SEQUENCE_HEADER in headers:  # as in a message that is forwarded; ours replaces it
        headers = {name: value for name, value in headers.items() if name != SEQUENCE_HEADER}
    content = encode_fields(headers) + _SEQUENCE_FIELD + _UINT64.pack(sequence)
    return _UINT32.pack(len(content)) + content


def _encode_any(properties: Properties, sequence: int) -> tuple[int, bytes]:
    """Encode any of the fourteen properties."""
    if sequence:
        properties = msgspec.structs.replace(properties, headers=_with_sequence(properties.headers, sequence))
    flags, pieces = 0, []
    try:
        for value, (flag, encode) in zip(_as_tuple(properties), _LAYOUT, strict=True):
            if value is not None:
                flags |= flag
                pieces.append(encode(value))
    except (struct.error, TypeError, AttributeError) as error:
        raise InvalidArgument(f"{properties!r}: {error}") from error
    return flags, b"".join(pieces)


def _with_sequence(headers: FieldTable | None, sequence: int) -> FieldTable:
    return {**headers, SEQUENCE_HEADER: sequence} if headers else {SEQUENCE_HEADER: sequence}


def decode_properties(data: bytes, flags: int, at: int, end: int) -> tuple[Properties, int]:
    """Return the properties in `data` from `at` to `end`, and the sequence number that was among the headers, or 0.

    Raises:
        ProtocolError, IndexError, struct.error: The bytes do not fit the flags; the reader turns all into a
            ProtocolError.
    """
    if flags & _RARE:
        return _decode_any(data, flags, at, end)
    first = at
    content_type = headers = mode = correlation_id = reply_to = None
    sequence = 0
    try:
        if flags & _CONTENT_TYPE:
            start, at = at + 1, at + 1 + data[at]
            content_type = data[start:at].decode()
        if flags & _TABLE:
            headers, at = decode_table(data, at)
            if SEQUENCE_HEADER in headers:
                headers, sequence = _without_sequence(headers)
        if flags & _MODE:
            mode = data[at]
            at += 1
        if flags & _CORRELATION:
            start, at = at + 1, at + 1 + data[at]
            correlation_id = data[start:at].decode()
        if flags & _REPLY_TO:
            start, at = at + 1, at + 1 + data[at]
            reply_to = data[start:at].decode()
    except UnicodeDecodeError:
        return _decode_any(data, flags, first, end)  # which shows such a text with escapes
    if at != end:
        raise ProtocolError("the properties do not end with their frame", 502)
    return Properties(content_type, None, headers, mode, None, correlation_id, reply_to), sequence


def _without_sequence(headers: FieldTable) -> tuple[FieldTable | None, int]:
    sequence = headers.pop(SEQUENCE_HEADER)
    return headers or None, sequence if type(sequence) is int else 0


def _decode_any(data: bytes, flags: int, at: int, end: int) -> tuple[Properties, int]:
    """Decode any of the fourteen properties, and texts that are not UTF-8."""
    plan = _PLANS.get(flags)
    if plan is None:
        plan = _plan(flags)
    values = _NOTHING.copy()
    for index, decode in plan:
        if decode is None:
            start = at + 1
            at = start + data[at]
            try:
                values[index] = data[start:at].decode()
            except UnicodeDecodeError:
                values[index] = text_of(data[start:at])
        else:
            values[index], at = decode(data, at)
    if at != end:
        raise ProtocolError("the properties do not end with their frame", 502)
    sequence = 0
    headers = cast("FieldTable | None", values[_HEADERS])
    if headers and SEQUENCE_HEADER in headers:
        values[_HEADERS], sequence = _without_sequence(headers)
    return Properties(*values), sequence  # type: ignore[arg-type]  # each place holds what its decoder makes


def _octet(data: bytes, at: int) -> tuple[int, int]:
    return data[at], at + 1


def _seconds(data: bytes, at: int) -> tuple[int, int]:
    return _UINT64.unpack_from(data, at)[0], at + 8


_Decoder = Callable[[bytes, int], tuple[object, int]]
_DECODERS: dict[str, _Decoder] = {
    "headers": decode_table,
    "delivery_mode": _octet,
    "priority": _octet,
    "timestamp": _seconds,
}
_PLANS: dict[int, list[tuple[int, _Decoder | None]]] = {}


def _plan(flags: int) -> list[tuple[int, _Decoder | None]]:
    """Return which properties these flags announce, and remember it: at most 16384 plans, of which few are used."""
    if flags & 3:
        raise ProtocolError(f"unknown property flags {flags:#06x}", 502)
    names = enumerate(Properties.__struct_fields__)
    plan = [(index, _DECODERS.get(name)) for index, name in names if flags & (0x8000 >> index)]
    _PLANS[flags] = plan
    return plan
