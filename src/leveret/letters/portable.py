"""A message as JSON, without loss: its properties, its headers with the type of each value, and its body. No I/O."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from leveret.amqp import Delivery, FieldTable, FieldValue, Properties
from leveret.wire.codec import encode_json
from leveret.wire.messages import properties_of

_NUMBERS: Final = frozenset({"delivery_mode", "priority", "timestamp"})
"""Properties that are numbers; ``headers`` is a table, and all others are texts."""

_LARGEST: Final = {"delivery_mode": 0xFF, "priority": 0xFF, "timestamp": 2**64 - 1}
_LONGEST_TEXT: Final = 255
"""Bytes of a property that is a text (AMQP 0-9-1, section 4.2.5.3)."""

_DEEPEST: Final = 40
"""Tables and lists within one another; the driver reads 32."""

_INT64: Final = range(-(2**63), 2**63)


class NotPortable(ValueError):
    """What was read is not a message in this form; the text says what is wrong with which part."""


def write_properties(properties: Properties) -> dict[str, Any]:
    """Return properties as JSON; those that are absent are left out."""
    found = {name: getattr(properties, name) for name in Properties.__struct_fields__}
    headers = found.pop("headers")
    written = {name: value for name, value in found.items() if value is not None}
    return written if headers is None else written | {"headers": _write_table(headers)}


def read_properties(fields: Any) -> Properties:
    """Read what `write_properties` wrote.

    Raises:
        NotPortable: it is something else.
    """
    if not isinstance(fields, dict):
        raise NotPortable("properties: expected an object")
    read: dict[str, Any] = {}
    for name, value in fields.items():
        if name not in Properties.__struct_fields__:
            raise NotPortable(f"properties: {name[:40]!r} is not a property")
        read[name] = _read_table(value, f"properties.{name}", 0) if name == "headers" else _read_property(name, value)
    return properties_of(read)


def properties_text(properties: Properties) -> str:
    """Return properties as the text of JSON."""
    return encode_json(write_properties(properties)).decode()


def message_of(properties: str, body: bytes) -> Delivery:
    """Return a message that was kept as two parts, as it was delivered once.

    Raises:
        NotPortable: the properties are in another form.
    """
    try:
        fields = msgspec.json.decode(properties)
    except (ValueError, RecursionError) as error:
        raise NotPortable(f"properties: {error}") from None
    return Delivery(
        "", 0, redelivered=False, exchange="", routing_key="", properties=read_properties(fields), body=body
    )


def write_body(body: bytes) -> str | dict[str, str]:
    """Return a body as a text, or as base64 if it is not UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"bytes": base64.b64encode(body).decode()}


def read_body(written: Any) -> bytes:
    """Read what `write_body` wrote.

    Raises:
        NotPortable: it is something else.
    """
    if isinstance(written, str):
        return _encoded(written, "body")
    if isinstance(written, dict) and written.keys() == {"bytes"}:
        return _read_bytes(written["bytes"], "body")
    raise NotPortable('body: expected a text or {"bytes": BASE64}')


def _write(value: FieldValue) -> Any:
    if isinstance(value, dict):
        return {"table": _write_table(value)}
    if isinstance(value, list):
        return [_write(each) for each in value]
    if isinstance(value, float) and math.isfinite(value):
        return value
    mark = _MARKS.get(type(value))
    return value if mark is None else {mark[0]: mark[1](value)}


_MARKS: Final[dict[type, tuple[str, Callable[[Any], Any]]]] = {
    bytes: ("bytes", lambda value: base64.b64encode(value).decode()),
    datetime: ("time", lambda value: int(value.timestamp())),
    Decimal: ("decimal", str),
    float: ("float", str),
}
"""How the values are written that JSON does not have."""


def _write_table(table: Mapping[str, FieldValue]) -> dict[str, Any]:
    return {name: _write(value) for name, value in table.items()}


def _read_table(written: Any, where: str, depth: int) -> FieldTable:
    if not isinstance(written, dict):
        raise NotPortable(f"{where}: expected an object")
    for name in written:
        if len(_encoded(name, where)) > _LONGEST_TEXT:
            raise NotPortable(f"{where}: a name has more than {_LONGEST_TEXT} bytes")
    return {name: _read(value, f"{where}.{name[:40]}", depth) for name, value in written.items()}


def _read(written: Any, where: str, depth: int) -> FieldValue:
    if depth > _DEEPEST:
        raise NotPortable(f"{where[:200]}: nested deeper than {_DEEPEST} levels")
    if isinstance(written, list):
        return [_read(each, where, depth + 1) for each in written]
    if isinstance(written, str):
        _encoded(written, where)
    if isinstance(written, int) and written not in _INT64:
        raise NotPortable(f"{where}: the number has more than 64 bits")
    if not isinstance(written, dict):
        return written if isinstance(written, bool | int | float | str) else None
    if len(written) != 1:
        raise NotPortable(f"{where}: expected an object with one name")
    ((kind, value),) = written.items()
    if kind == "table":
        return _read_table(value, where, depth + 1)
    return _read_marked(kind, value, where)


def _read_marked(kind: str, value: Any, where: str) -> FieldValue:
    if kind == "bytes":
        return _read_bytes(value, where)
    try:
        if kind == "time" and isinstance(value, int):
            return datetime.fromtimestamp(value, UTC)
        if kind == "decimal" and isinstance(value, str) and len(value) <= _LONGEST_TEXT:
            return Decimal(value)
        if kind == "float" and value in ("nan", "inf", "-inf"):
            return float(value)
    except (InvalidOperation, ValueError, OverflowError, OSError):
        pass
    raise NotPortable(f"{where}: {kind[:40]!r} is not a kind of value, or its value cannot be read")


def _read_property(name: str, value: Any) -> str | int:
    if name in _NUMBERS:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST[name]:
            return value
        raise NotPortable(f"properties.{name}: expected a number from 0 to {_LARGEST[name]}")
    if not isinstance(value, str) or len(_encoded(value, f"properties.{name}")) > _LONGEST_TEXT:
        raise NotPortable(f"properties.{name}: expected a text of at most {_LONGEST_TEXT} bytes")
    return value


def _read_bytes(value: Any, where: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (ValueError, TypeError):
        raise NotPortable(f"{where}: expected base64") from None


def _encoded(text: str, where: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise NotPortable(f"{where}: a text holds half of a surrogate pair") from None
