"""Encodes and decodes methods with pamqp, except the frequent ones (see `leveret.amqp.frames` and `reader`).

This module hides what pamqp does differently from what the driver needs: its tables (see `leveret.amqp.fields`), its
many kinds of exception, and long strings that are sometimes text and sometimes bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from pamqp import base, commands, frame

from leveret.amqp.errors import InvalidArgument, ProtocolError
from leveret.amqp.fields import decode_table, encode_table
from leveret.amqp.frames import FRAME_END, METHOD
from leveret.amqp.message import FieldTable

_HEAD = struct.Struct(">BHI").pack
_START_TABLE = 7 + 4 + 2
"""The position of the server properties in connection.start: after the frame's head, the method and the version."""


P = ParamSpec("P")
Method = TypeVar("Method", bound=base.Frame)


def build(kind: Callable[P, Method], *values: P.args, **named: P.kwargs) -> Method:
    """Return a method of pamqp with these values, which pamqp checks.

    Raises:
        InvalidArgument: pamqp refuses a value, such as a queue name with characters that AMQP does not allow.
    """
    try:
        return kind(*values, **named)
    except (ValueError, TypeError) as error:
        raise InvalidArgument(f"{getattr(kind, 'name', kind)}: {error} in {named!r:.200}") from error


def encode_method(channel: int, call: base.Frame, arguments: FieldTable | None = None) -> bytes:
    """Return the frame of a method; `arguments` replace its last field, which must be an empty table.

    Raises:
        InvalidArgument: pamqp or our tables refuse a value.
    """
    try:
        written = frame.marshal(call, channel)
    except Exception as error:  # pamqp lets struct.error, TypeError, ValueError and AttributeError through
        raise InvalidArgument(f"{call.name}: {error}") from error
    if not arguments:
        return written
    return _framed(channel, written[7:-5] + encode_table(arguments))


def encode_start_ok(properties: FieldTable, user: str, password: str) -> bytes:
    """Return the frame of connection.start-ok with PLAIN (RFC 4616); only this method of ours begins with a table."""
    call = commands.Connection.StartOk({}, "PLAIN", f"\0{user}\0{password}", "en_US")
    payload = frame.marshal(call, 0)[7:-1]
    return _framed(0, payload[:4] + encode_table(properties) + payload[8:])


def _framed(channel: int, payload: bytes) -> bytes:
    return _HEAD(METHOD, channel, len(payload)) + payload + bytes((FRAME_END,))


def decode_method(data: bytes) -> base.Frame:
    """Return the method in one complete frame, with tables in our types.

    Raises:
        ProtocolError: AMQP 0-9-1 has no such method, or its fields do not fit.
    """
    try:
        method = frame.unmarshal(data)[2]
        if isinstance(method, commands.Connection.Start):
            method.server_properties = decode_table(data, _START_TABLE)[0]  # type: ignore[assignment]  # ours are wider
    except ProtocolError:
        raise
    except Exception as error:  # whatever pamqp raises here, the peer's bytes are wrong
        raise ProtocolError(f"a method that cannot be read: {error!r:.200}", 502) from error
    if not isinstance(method, base.Frame):
        raise ProtocolError("a method frame without a method", 502)
    return method
