"""Bad requests that a caller might send, and the code of the answer to each."""

from __future__ import annotations

import json
from typing import Any

GOOD: dict[str, Any] = {"id": "g1", "version": "v1", "action": "count", "data": {}, "auth": ""}


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD.items() if key != name}).encode()


def having(**fields: Any) -> bytes:
    return json.dumps(GOOD | fields).encode()


def with_text(text: str) -> bytes:
    """Return a request with a text in the place of its `data`."""
    return json.dumps(GOOD).replace('"data": {}', f'"data": {text}').encode()


BODIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "invalid_request"),
    "not json": (b"{nope", "invalid_request"),
    "not utf-8": (b'{"id": "\xff"}', "invalid_request"),
    "utf-16": (having().decode().encode("utf-16"), "invalid_request"),
    "two byte order marks": (b"\xef\xbb\xbf" * 2 + having(), "invalid_request"),
    "an array": (b"[]", "invalid_request"),
    "a number": (b"1", "invalid_request"),
    "null": (b"null", "invalid_request"),
    "trailing text": (having() + b"x", "invalid_request"),
    "no id": (without("id"), "invalid_request"),
    "no version": (without("version"), "invalid_request"),
    "no action": (without("action"), "invalid_request"),
    "id is a number": (having(id=1), "invalid_request"),
    "id is empty": (having(id=""), "invalid_request"),
    "id is blank": (having(id="   "), "invalid_request"),
    "id is long": (having(id="x" * 129), "invalid_request"),
    "id is not printable": (having(id="a\nb"), "invalid_request"),
    "id is not ascii": (having(id="ä"), "invalid_request"),
    "version is null": (having(version=None), "invalid_request"),
    "action is a list": (having(action=[]), "invalid_request"),
    "auth is a number": (having(auth=5), "invalid_request"),
    "data is an array": (having(data=[1]), "invalid_request"),
    "data is a text": (having(data="x"), "invalid_request"),
    "unknown action": (having(action="nope"), "unknown_action"),
    "unknown version": (having(version="v9"), "unknown_action"),
    "no token": (having(), "unauthenticated"),
    "a bad token": (having(auth="Bearer x.y.z"), "unauthenticated"),
    "a forged ticket": (having(auth="Ticket x.y.z"), "unauthenticated"),
    "NaN": (with_text('{"x": NaN}'), "invalid_request"),
    "Infinity": (with_text('{"x": -Infinity}'), "invalid_request"),
    "1e999": (with_text('{"x": 1e999}'), "invalid_request"),
    "past 64 bits": (with_text('{"x": 9223372036854775808}'), "invalid_request"),
    "far past 64 bits": (with_text('{"x": ' + "9" * 5000 + "}"), "invalid_request"),
    "duplicate names": (with_text('{"x": 1, "x": 2}'), "invalid_request"),
    "duplicate names outside": (having()[:-1] + b', "id": "g2"}', "invalid_request"),
    "deep arrays": (with_text('{"x": ' + "[" * 100_000 + "]" * 100_000 + "}"), "invalid_request"),
    "deep objects": (with_text('{"x":' * 20_000 + "1" + "}" * 20_000), "invalid_request"),
    "brackets in a text that never ends": (b"[" * 70 + b'"' + b'\\"' * 100_000, "invalid_request"),
    "lone surrogate": (with_text('{"x": "\\ud800"}'), "invalid_request"),
    "lone surrogate in a name": (with_text('{"\\udc00": 1}'), "invalid_request"),
    "nul": (with_text('{"x": "a\\u0000b"}'), "invalid_request"),
    "a raw control character": (with_text('{"x": "a\x01b"}'), "invalid_request"),
    "over 256 KiB": (having(data={"x": "y" * 262_144}), "invalid_request"),
}

REPLY_QUEUES: dict[str, str] = {
    "no process": "amq.rabbitmq.reply-to.abcd.k",
    "no base64": "amq.rabbitmq.reply-to.!!!.k",
    "no key": "amq.rabbitmq.reply-to.g2dk",
    "not printable": "amq.gen-\u00e4\n",
    "nothing behind": "amq.gen-",
}
"""Names that look like the broker's own names, but are not; a property can hold 255 bytes."""

PROPERTIES: dict[str, dict[str, Any]] = {
    "forged retry count": {"headers": {"x-retry-count": 2}},
    "retry count of another type": {"headers": {"x-retry-count": "many"}},
    "forged death": {"headers": {"x-death": [{"queue": "api.requests.retry", "count": 3, "reason": "expired"}]}},
    "content encoding": {"content_encoding": "gzip"},
    "deadline of another type": {"headers": {"x-deadline": "soon"}},
    "timeout of another type": {"headers": {"x-timeout": 1.5}},
    "priority above the usual": {"priority": 5},
    "highest priority": {"priority": 255},
}
