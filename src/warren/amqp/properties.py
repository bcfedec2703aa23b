"""The properties of a message as bytes: flags, then what is present, in a fixed order (AMQP 0-9-1 section 4.2.6.1)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import cast

import msgspec

from warren.amqp.errors import InvalidArgument, ProtocolError
from warren.amqp.fields import decode_table, encode_table, short_string, text_of
from warren.amqp.message import FieldTable, Properties

SEQUENCE_HEADER = "x-publish-seq"
"""The driver's own header of a mandatory publish: a return has no delivery tag, so this tells which one it was."""

_OCTET, _UINT64 = struct.Struct(">B"), struct.Struct(">Q")
_SEQUENCE_FIELD = short_string(SEQUENCE_HEADER) + b"l"
_NOTHING: list[object] = [None] * 14
_HEADERS = 2
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
    """The flags and the bytes of `properties`, with the sequence header added unless it is 0.

    Raises:
        InvalidArgument: A value that AMQP cannot carry.
    """
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
    """The properties in `data` from `at` to `end`, and the sequence number that was among the headers, or 0.

    Raises:
        ProtocolError, IndexError, struct.error: The bytes do not fit the flags; the reader makes one error of them.
    """
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
    sequence = _take_sequence(values) if flags & 0x2000 else 0
    return Properties(*values), sequence  # type: ignore[arg-type]  # each place holds what its decoder makes


def _take_sequence(values: list[object]) -> int:
    headers = cast("FieldTable", values[_HEADERS])
    if SEQUENCE_HEADER not in headers:
        return 0
    sequence = headers.pop(SEQUENCE_HEADER)
    values[_HEADERS] = headers or None
    return sequence if type(sequence) is int else 0


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
    """Which properties these flags announce, remembered: there are at most 2 to the 14 of them, and few in use."""
    if flags & 3:
        raise ProtocolError(f"unknown property flags {flags:#06x}", 502)
    names = enumerate(Properties.__struct_fields__)
    plan = [(index, _DECODERS.get(name)) for index, name in names if flags & (0x8000 >> index)]
    _PLANS[flags] = plan
    return plan
