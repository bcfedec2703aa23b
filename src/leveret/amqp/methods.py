"""The door to pamqp: every method that is not hot, in both directions.

What pamqp does not do as we need it ends here: its tables (see `leveret.amqp.fields`), its many kinds of exception,
and long strings that are sometimes text and sometimes bytes.
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
"""Where connection.start has its server properties: behind the frame's head, the method's index and the version."""


P = ParamSpec("P")
Method = TypeVar("Method", bound=base.Frame)


def build(kind: Callable[P, Method], *values: P.args, **named: P.kwargs) -> Method:
    """A method of pamqp's, made with its own checks.

    Raises:
        InvalidArgument: pamqp refuses a value, such as a queue name with characters that AMQP does not know.
    """
    try:
        return kind(*values, **named)
    except (ValueError, TypeError) as error:
        raise InvalidArgument(f"{getattr(kind, 'name', kind)}: {error} in {named!r:.200}") from error


def encode_method(channel: int, call: base.Frame, arguments: FieldTable | None = None) -> bytes:
    """The frame of a method; `arguments` take the place of its last field, which must be an empty table.

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
    """connection.start-ok with PLAIN (RFC 4616): the one method that we send with a table in front."""
    call = commands.Connection.StartOk({}, "PLAIN", f"\0{user}\0{password}", "en_US")
    payload = frame.marshal(call, 0)[7:-1]
    return _framed(0, payload[:4] + encode_table(properties) + payload[8:])


def _framed(channel: int, payload: bytes) -> bytes:
    return _HEAD(METHOD, channel, len(payload)) + payload + bytes((FRAME_END,))


def decode_method(data: bytes) -> base.Frame:
    """The method in one whole frame, with tables in our types and mechanisms as text.

    Raises:
        ProtocolError: It is none that AMQP 0-9-1 knows, or its fields do not fit.
    """
    try:
        method = frame.unmarshal(data)[2]
        if isinstance(method, commands.Connection.Start):
            method.server_properties = decode_table(data, _START_TABLE)[0]  # type: ignore[assignment]  # ours are wider
    except ProtocolError:
        raise
    except Exception as error:  # whatever pamqp raises on bytes from outside, it is the peer's error
        raise ProtocolError(f"a method that cannot be read: {error!r:.200}", 502) from error
    if not isinstance(method, base.Frame):
        raise ProtocolError("a method frame without a method", 502)
    return method
