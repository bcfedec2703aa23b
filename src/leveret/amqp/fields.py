"""Short strings and field tables as bytes (AMQP 0-9-1 section 4.2.5, RabbitMQ's errata for the types).

pamqp writes floats in single precision, truncates long names and refuses bytes, so this module does it instead.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import NoReturn

from leveret.amqp.errors import InvalidArgument, ProtocolError
from leveret.amqp.message import FieldTable, FieldValue
from leveret.amqp.value_count import MOST_VALUES, holds_too_many

DEEPEST = 32
"""The depth from which nested tables and arrays arrive as raw bytes, so that a peer cannot exhaust the stack."""

_UINT32, _INT32, _INT64 = struct.Struct(">I"), struct.Struct(">i"), struct.Struct(">q")
_UINT64, _DOUBLE, _DECIMAL = struct.Struct(">Q"), struct.Struct(">d"), struct.Struct(">Bi")
_LONG = ord("l")
_LENGTHS = [bytes([length]) for length in range(256)]


def short_string(text: str) -> bytes:
    """Return a text of at most 255 bytes with its length before it.

    Raises:
        InvalidArgument: The text is longer, is not a text, or has lone surrogates.
    """
    try:
        data = text.encode()
        return _LENGTHS[len(data)] + data
    except IndexError:
        raise InvalidArgument(f"{text[:40]!r}... has {len(data)} bytes; AMQP allows 255 here") from None
    except (AttributeError, UnicodeEncodeError) as error:
        raise InvalidArgument(f"{text!r} is not a text that UTF-8 can carry") from error


def text_of(data: bytes) -> str:
    """Return the text of a short string; bytes that are not UTF-8 become backslash escapes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "backslashreplace")


def short_strings(data: bytes, count: int) -> tuple[str, ...]:
    """Return the short strings in `data`, which must be exactly `count`.

    Raises:
        ProtocolError, IndexError: There are more or fewer; the reader turns both into a ProtocolError.
    """
    texts, at = [], 0
    for _ in range(count):
        start = at + 1
        at = start + data[at]
        texts.append(text_of(data[start:at]))
    if at != len(data):
        raise ProtocolError("a method does not end with its last name", 502)
    return tuple(texts)


_text_of = lru_cache(maxsize=1024)(text_of)
"""For the names of fields, because the same few come again and again."""


def encode_table(table: FieldTable) -> bytes:
    """Return a field table as bytes, with its length before it.

    Raises:
        InvalidArgument: AMQP cannot carry a value; the text names the field.
    """
    content = encode_fields(table)
    return _UINT32.pack(len(content)) + content


def size_of(table: FieldTable) -> int:
    """Return how many bytes a field table has when it is written.

    Raises:
        InvalidArgument: AMQP cannot carry a value; the text names the field.
    """
    return len(encode_table(table))


def encode_fields(table: FieldTable) -> bytes:
    """Return the fields of a table as bytes, without the length before them; raises as `encode_table`."""
    pieces: list[bytes] = []
    for name, value in table.items():
        try:
            pieces += _field_name(name), (_ENCODERS.get(type(value)) or _refuse)(value)
        except (InvalidArgument, RecursionError, struct.error, OverflowError, UnicodeEncodeError) as error:
            raise InvalidArgument(f"field {str(name)[:80]!r}: {error}") from error
    return b"".join(pieces)


_field_name = lru_cache(maxsize=1024)(short_string)
"""Cached, because the same few names come again and again."""


def _refuse(value: object) -> NoReturn:
    raise InvalidArgument(f"a table cannot hold {type(value).__name__}")


def _encode_int(value: int) -> bytes:
    if -0x80000000 <= value <= 0x7FFFFFFF:
        return b"I" + _INT32.pack(value)
    return b"l" + _INT64.pack(value)


def _encode_decimal(value: Decimal) -> bytes:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise InvalidArgument(f"{value} is not a number")
    number = int("".join(map(str, digits))) * 10 ** max(exponent, 0)
    return b"D" + _DECIMAL.pack(max(-exponent, 0), -number if sign else number)


def _encode_time(value: datetime) -> bytes:
    if value.tzinfo is None:
        raise InvalidArgument(f"{value} has no time zone")
    return b"T" + _UINT64.pack(int(value.timestamp()))


def _encode_bytes(kind: bytes, data: bytes) -> bytes:
    return kind + _UINT32.pack(len(data)) + data


_ENCODERS: dict[type, Callable[..., bytes]] = {
    str: lambda value: _encode_bytes(b"S", value.encode()),
    int: _encode_int,
    bool: lambda value: b"t\x01" if value else b"t\x00",
    type(None): lambda _: b"V",
    float: lambda value: b"d" + _DOUBLE.pack(value),
    bytes: lambda value: _encode_bytes(b"x", value),
    dict: lambda value: b"F" + encode_table(value),
    list: lambda value: _encode_bytes(b"A", b"".join([(_ENCODERS.get(type(each)) or _refuse)(each) for each in value])),
    datetime: _encode_time,
    Decimal: _encode_decimal,
}


def decode_table(data: bytes, at: int, depth: int = 0) -> tuple[FieldTable, int]:
    """Return the table at `at` and the position behind it.

    Raises:
        ProtocolError, IndexError, struct.error: The bytes are not a table; the reader turns all into a ProtocolError.
    """
    end = at + 4 + _UINT32.unpack_from(data, at)[0]
    at += 4
    if end > len(data):
        raise ProtocolError("a field table is longer than its frame", 502)
    if end - at > MOST_VALUES and not depth and holds_too_many(data, at, end, DEEPEST):  # a shorter one cannot
        raise ProtocolError(f"a field table holds more than {MOST_VALUES} values", 502)
    table: FieldTable = {}
    while at < end:
        value_at = at + 1 + data[at]
        name, kind = _text_of(data[at + 1 : value_at]), data[value_at]
        if kind == _LONG:  # the type of deadlines and sequence numbers
            table[name], at = _INT64.unpack_from(data, value_at + 1)[0], value_at + 9
        else:
            decoder = _DECODERS.get(kind) or _unknown(data, value_at)
            table[name], at = decoder(data, value_at + 1, depth)
    if at != end:
        raise ProtocolError("a field crosses the end of its table", 502)
    return table, end


def _unknown(data: bytes, at: int) -> NoReturn:
    raise ProtocolError(f"unknown field type {data[at : at + 1]!r}", 502)


def _fixed(layout: str) -> Callable[[bytes, int, int], tuple[FieldValue, int]]:
    packer = struct.Struct(">" + layout)

    def decode(data: bytes, at: int, _depth: int) -> tuple[FieldValue, int]:
        return packer.unpack_from(data, at)[0], at + packer.size

    return decode


def _decode_bytes(data: bytes, at: int, _depth: int) -> tuple[bytes, int]:
    end = at + 4 + _UINT32.unpack_from(data, at)[0]
    return data[at + 4 : end], end


def _decode_text(data: bytes, at: int, depth: int) -> tuple[FieldValue, int]:
    content, end = _decode_bytes(data, at, depth)
    try:
        return content.decode(), end
    except UnicodeDecodeError:
        return content, end


def _decode_decimal(data: bytes, at: int, _depth: int) -> tuple[FieldValue, int]:
    places, number = _DECIMAL.unpack_from(data, at)
    return Decimal((number < 0, tuple(map(int, str(abs(number)))), -places)), at + 5


def _decode_time(data: bytes, at: int, _depth: int) -> tuple[FieldValue, int]:
    seconds: int = _UINT64.unpack_from(data, at)[0]
    try:
        return datetime.fromtimestamp(seconds, UTC), at + 8
    except (OverflowError, ValueError, OSError):  # beyond the year 9999: some clients count in milliseconds or less
        return seconds, at + 8


def _decode_nested(data: bytes, at: int, depth: int) -> tuple[FieldValue, int]:
    return _decode_bytes(data, at, depth) if depth >= DEEPEST else decode_table(data, at, depth + 1)


def _decode_array(data: bytes, at: int, depth: int) -> tuple[FieldValue, int]:
    if depth >= DEEPEST:
        return _decode_bytes(data, at, depth)
    end = at + 4 + _UINT32.unpack_from(data, at)[0]
    at += 4
    if end > len(data):
        raise ProtocolError("an array is longer than its frame", 502)
    values = []
    while at < end:
        decoder = _DECODERS.get(data[at]) or _unknown(data, at)
        value, at = decoder(data, at + 1, depth + 1)
        values.append(value)
    if at != end:
        raise ProtocolError("a value crosses the end of its array", 502)
    return values, end


_DECODERS: dict[int, Callable[[bytes, int, int], tuple[FieldValue, int]]] = {
    ord("S"): _decode_text,
    ord("I"): _fixed("i"),
    ord("l"): _fixed("q"),
    ord("L"): _fixed("q"),
    ord("t"): _fixed("?"),
    ord("F"): _decode_nested,
    ord("A"): _decode_array,
    ord("T"): _decode_time,
    ord("V"): lambda _data, at, _depth: (None, at),
    ord("x"): _decode_bytes,
    ord("b"): _fixed("b"),
    ord("B"): _fixed("B"),
    ord("s"): _fixed("h"),
    ord("u"): _fixed("H"),
    ord("i"): _fixed("I"),
    ord("f"): _fixed("f"),
    ord("d"): _fixed("d"),
    ord("D"): _decode_decimal,
}
