"""Properties and tables as bytes, including forms that no correct client writes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

import pika


def short(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return bytes([len(raw)]) + raw


def long(raw: bytes) -> bytes:
    return struct.pack(">I", len(raw)) + raw


def table(*fields: tuple[str | bytes, bytes]) -> bytes:
    """Encode a table; each value is its type and its bytes."""
    return long(b"".join(short(name) + value for name, value in fields))


def text(value: str | bytes) -> bytes:
    return b"S" + long(value.encode() if isinstance(value, str) else value)


def array(*values: bytes) -> bytes:
    return b"A" + long(b"".join(values))


def nested(kind: bytes, depth: int) -> bytes:
    """Encode arrays or tables nested in one another."""
    value = b"V"
    for _ in range(depth):
        value = kind + long(value if kind == b"A" else short("t") + value)
    return value


def death(queue: str, reason: str = "expired") -> bytes:
    entry = table(
        ("queue", text(queue)), ("reason", text(reason)), ("count", b"l" + struct.pack(">q", 9)), ("exchange", text(""))
    )
    return b"F" + entry


_octet, _uint64 = struct.Struct(">B").pack, struct.Struct(">Q").pack
_LAYOUT: Final[dict[str, Callable[[Any], bytes]]] = {
    "content_type": short,
    "content_encoding": short,
    "headers": bytes,
    "delivery_mode": _octet,
    "priority": _octet,
    "correlation_id": short,
    "reply_to": short,
    "expiration": short,
    "message_id": short,
    "timestamp": _uint64,
    "type": short,
    "user_id": short,
    "app_id": short,
    "cluster_id": short,
}


class RawProperties(pika.BasicProperties):
    """Properties that are encoded without any check, right or wrong (AMQP 0-9-1, section 4.2.6.1).

    Args:
        wanted: values by their names; a text may be given as bytes.
        headers: an encoded table.
        flags: flags that replace those of the properties.
        tail: bytes that follow the properties.
    """

    def __init__(self, wanted: dict[str, Any], headers: bytes | None, flags: int | None, tail: bytes) -> None:
        self._wanted = wanted | ({} if headers is None else {"headers": headers})
        self._flags = flags
        self._tail = tail
        super().__init__()

    def encode(self) -> list[bytes]:
        flags, pieces = 0, []
        for place, (name, encode) in enumerate(_LAYOUT.items()):
            if name in self._wanted:
                flags |= 0x8000 >> place
                pieces.append(encode(self._wanted[name]))
        return [struct.pack(">H", flags if self._flags is None else self._flags), *pieces, self._tail]


VALUES: Final[dict[str, bytes]] = {
    "true": b"t\x01",
    "a boolean of 255": b"t\xff",
    "int8": b"b\x80",
    "uint8": b"B\xff",
    "int16": b"s\x80\x00",
    "uint16": b"u\xff\xff",
    "int32": b"I\x80\x00\x00\x00",
    "uint32": b"i\xff\xff\xff\xff",
    "int64": b"l\x80" + bytes(7),
    "float": b"f" + struct.pack(">f", 1.5),
    "double": b"d" + struct.pack(">d", -1e308),
    "decimal": b"D\xff\xff\xff\xff\xff",
    "text": text("x"),
    "an empty text": text(""),
    "a text that is not UTF-8": text(b"\xff\xfe\x00"),
    "bytes": b"x" + long(b"\x00\xff"),
    "time": b"T" + b"\xff" * 8,
    "void": b"V",
    "an empty array": array(),
    "an empty table": b"F" + table(),
    "all in one array": array(b"t\x01", b"b\x80", text("x"), b"V", b"F" + table(("a", b"V")), array(b"V")),
    "arrays 60 deep": nested(b"A", 60),
    "tables 60 deep": nested(b"F", 60),
    "tables 1,000 deep": nested(b"F", 1000),
    "2,049 values": array(*[b"V"] * 2049),
    "60,000 values": array(*[b"V"] * 60_000),
}
"""Values of headers: every type of AMQP's tables, at its limits."""
