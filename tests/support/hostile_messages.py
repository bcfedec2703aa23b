"""Messages with which a stranger who may publish requests tries to harm others, and how each of them may end."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from support.bad_requests import BODIES, GOOD, REPLY_QUEUES
from support.raw_properties import VALUES, RawProperties, array, death, table, text

OK: Final = ("ok",)
REFUSED: Final = ("refused",)
LETTER: Final = ("letter",)
FAILED: Final = ("letter", "refused")
"""A dead letter, and an answer that reports it."""
CLOSED: Final = ("closed by the broker",)
"""The broker refused the publish, and ended the publisher's channel or connection."""

NOBODY: Final = "no reply_to"
LARGEST_HEADER: Final = 131_072 - 8
"""Bytes of the largest header frame that a client may send, with a frame_max of 131,072; the broker adds to it."""

HEADER_BEGINNING: Final = 12
"""Bytes before the flags: class, weight, and size of the body."""

Ends = tuple[str, ...]


@dataclass(frozen=True)
class Hostile:
    """One hostile message.

    Attributes:
        name: what is hostile about it.
        ends: the ways in which it may end.
        body: its body; None for that of a good request with its own id.
        properties: its properties; `correlation_id` and `reply_to` are added unless they are given.
        headers: an encoded table of headers, instead of one among the properties.
        fill: if given, the headers consist of this letter, and are as large as a client may send.
        flags: flags of the properties, if they have to be wrong.
        tail: bytes that follow the properties.
        then: how a good request fails after it has written; empty for a request that only reads.
        not_a_request: whether the body is an object with nothing but the id.
    """

    name: str
    ends: Sequence[Ends]
    body: bytes | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    headers: bytes | None = None
    fill: bytes = b""
    flags: int | None = None
    tail: bytes = b""
    then: str = ""
    not_a_request: bool = False

    def request(self, request_id: str, token: str) -> bytes:
        if self.body is not None:
            return self.body
        if self.not_a_request:
            return json.dumps({"id": request_id}).encode()
        asked = GOOD | {"id": request_id, "auth": token}
        if self.then:
            asked |= {"action": "write", "data": {"text": "x", "then": self.then}}
        return json.dumps(asked).encode()

    def encoded(self, request_id: str, reply_to: str, **more: Any) -> RawProperties:
        wanted: dict[str, Any] = {"delivery_mode": 2, "correlation_id": request_id, "reply_to": reply_to}
        wanted |= self.properties | more
        if wanted["reply_to"] == NOBODY:
            del wanted["reply_to"]
        headers = self.headers
        if self.fill:
            empty = RawProperties(wanted, table(("fill", text(""))), None, b"")
            room = LARGEST_HEADER - HEADER_BEGINNING - len(b"".join(empty.encode()))
            headers = table(("fill", text(self.fill * room)))
        return RawProperties(wanted, headers, self.flags, self.tail)


DOCUMENTED: Final = (
    "x-death",
    "x-retry-count",
    "x-attempts",
    "x-deadline",
    "x-timeout",
    "timestamp_in_ms",
    "x-delivery-count",
    "x-acquired-count",
    "x-publish-seq",
    "x-principal",
    "x-seal",
    "x-first-death-queue",
    "x-last-death-reason",
    "x-message-ttl",
)
"""Headers that have a meaning for the broker, the driver or the workers."""

FORMS: Final = ("int64", "text", "void", "an empty array", "an empty table", "bytes")
"""Names of the values that each of these headers gets in turn."""


def corpus(prefix: str, full: str) -> Iterator[Hostile]:
    """Yield all hostile messages.

    Args:
        prefix: prefix of the queues.
        full: a reply queue, named by the broker, that takes nothing.
    """
    around = [
        *_short_texts(),
        *_other_properties(),
        *_values(),
        *_documented_headers(prefix),
        *_further_keys(prefix),
        *_wrong_properties(),
    ]
    yield from around
    yield from map(_as_letter, around)
    yield from _bodies()
    yield from _reply_queues(prefix, full)
    yield from _failures()


def _as_letter(message: Hostile) -> Hostile:
    """Return the same message without a request in its body and without a reply queue, so that it becomes a letter."""
    name, properties = f"{message.name}, in a letter", message.properties | {"reply_to": NOBODY}
    ends = [ends for ends in message.ends if ends == CLOSED] + [LETTER]
    return replace(message, name=name, ends=ends, properties=properties, not_a_request=True)


def _short_texts() -> Iterator[Hostile]:
    for form, value in (("255 letters", "x" * 255), ("not UTF-8", b"\xff" * 255), ("NUL", "\0"), ("empty", "")):
        for name in ("content_type", "message_id", "type", "app_id", "cluster_id", "correlation_id"):
            yield Hostile(f"{name}: {form}", [OK], properties={name: value})
        ends = REFUSED if value else OK
        yield Hostile(f"content_encoding: {form}", [ends], properties={"content_encoding": value})
        if value:
            yield Hostile(f"reply_to: {form}", [LETTER], properties={"reply_to": value})


def _other_properties() -> Iterator[Hostile]:
    for priority in (0, 4):
        yield Hostile(f"priority {priority}", [OK], properties={"priority": priority})
    for priority in (5, 31, 255):
        yield Hostile(f"priority {priority}", [REFUSED], properties={"priority": priority})
    for mode in (0, 1, 3, 255):
        yield Hostile(f"delivery_mode {mode}", [OK, CLOSED], properties={"delivery_mode": mode})
    for moment in (0, 2**63, 2**64 - 1):
        yield Hostile(f"timestamp {moment}", [OK, CLOSED], properties={"timestamp": moment})
    for life in ("600000", "4294967295", "4294967296"):
        yield Hostile(f"expiration {life}", [OK, CLOSED], properties={"expiration": life})
    for life in ("soon", "-1", ""):
        yield Hostile(f"expiration {life!r}", [CLOSED], properties={"expiration": life})
    yield Hostile("another user", [CLOSED], properties={"user_id": "somebody"})


def _values() -> Iterator[Hostile]:
    for name, value in VALUES.items():
        ends = LETTER if name.endswith("values") else OK
        yield Hostile(f"a header: {name}", [ends, CLOSED], headers=table(("mine", value)))
    names: tuple[str | bytes, ...] = ("", "x" * 255, b"\xff" * 255)
    for odd in names:
        yield Hostile(f"a header's name: {odd[:3]!r}", [OK, CLOSED], headers=table((odd, text("x"))))
    yield Hostile("a name twice", [OK, CLOSED], headers=table(("a", text("x")), ("a", text("y"))))
    for kind, byte in (("letters", b"x"), ("NUL", b"\0"), ("not UTF-8", b"\xff")):
        yield Hostile(f"a header of frame_max: {kind}", [OK], fill=byte)


def _documented_headers(prefix: str) -> Iterator[Hostile]:
    for name in DOCUMENTED:
        for form in FORMS:
            yield Hostile(f"{name}: {form}", [OK, REFUSED, CLOSED], headers=table((name, VALUES[form])))
    for queue in (f"{prefix}.requests", f"{prefix}.requests.retry", f"{prefix}.requests.dlq"):
        deaths = array(death(queue), death(queue, "rejected"))
        yield Hostile(f"a death in {queue}", [REFUSED], headers=table(("x-death", deaths)))
    yield Hostile("deaths that are no tables", [REFUSED], headers=table(("x-death", array(text("x"), b"V"))))
    yield Hostile("a thousand deaths", [REFUSED, LETTER], headers=table(("x-death", array(*[death("q")] * 1000))))


def _further_keys(prefix: str) -> Iterator[Hostile]:
    queues = [f"{prefix}.requests.dlq", f"{prefix}.requests.retry", "amq.rabbitmq.reply-to", "nowhere"]
    for name in ("CC", "BCC"):
        for many, keys in (("some", queues), ("1,000", queues * 250), ("twice its own", [f"{prefix}.requests"] * 2)):
            yield Hostile(f"{name}: {many}", [OK], headers=table((name, array(*map(text, keys)))))
        for form in ("int64", "text", "void", "an empty table"):
            yield Hostile(f"{name}: {form}", [CLOSED, OK], headers=table((name, VALUES[form])))
        yield Hostile(f"{name}: a number in it", [CLOSED, OK], headers=table((name, array(VALUES["int64"]))))


def _wrong_properties() -> Iterator[Hostile]:
    """Yield messages whose properties no correct client writes, and that some brokers let through."""
    for flags in (0x0000, 0x0001, 0x0002, 0xFFFF, 0xA000):
        yield Hostile(f"flags {flags:#06x}", [CLOSED, LETTER], flags=flags)
    yield Hostile("bytes behind the properties", [CLOSED, LETTER], tail=b"more")
    yield Hostile("a field type that is none", [CLOSED, LETTER], headers=table(("a", b"Z")))
    yield Hostile("a table longer than it is", [CLOSED, LETTER], headers=b"\xff\xff\xff\xff\x01aV")
    for name, number in (("nan", float("nan")), ("inf", float("inf"))):
        value = b"d" + struct.pack(">d", number)
        yield Hostile(f"a double: {name}", [CLOSED, LETTER, OK], headers=table(("a", value)))
        yield Hostile(f"a float: {name}", [CLOSED, LETTER, OK], headers=table(("a", b"f" + struct.pack(">f", number))))


def _bodies() -> Iterator[Hostile]:
    large = {
        "256 KiB of 0x01": b"\x01" * 262_144,
        "256 KiB of quotes": b'"' * 262_144,
        "not UTF-8": b"\xff" * 262_144,
        "15 MiB": b"x" * (15 * 1024 * 1024),
        "87,000 empty objects": b'{"a":[' + b"{}," * 87_000 + b"{}]}",
    }
    for name, body in ({name: body for name, (body, _) in BODIES.items() if name != "utf-16"} | large).items():
        yield Hostile(f"a body: {name}", [REFUSED], body)
        yield Hostile(f"a body, nobody waits: {name}", [LETTER], body, {"reply_to": NOBODY})
    for name in ("version", "action"):
        yield Hostile(f"a {name} of 100,000 letters", [REFUSED], json.dumps(GOOD | {name: "\u0001x" * 50_000}).encode())


def _reply_queues(prefix: str, full: str) -> Iterator[Hostile]:
    for name, queue in REPLY_QUEUES.items():
        yield Hostile(f"reply_to: {name}", [LETTER], properties={"reply_to": queue})
    for queue in (f"{prefix}.requests", f"{prefix}.requests.dlq", "amq.rabbitmq.trace", "amqp://elsewhere/q"):
        yield Hostile(f"reply_to: {queue}", [LETTER], properties={"reply_to": queue})
    for name, queue in (("one that is gone", "amq.gen-AAAAAAAAAAAAAAAAAAAAAA"), ("one that takes nothing", full)):
        yield Hostile(f"reply_to: {name}", [()], properties={"reply_to": queue})


def _failures() -> Iterator[Hostile]:
    """Yield requests that are retried and given up, with unusual properties."""
    long_texts = dict.fromkeys(("message_id", "type", "app_id"), "\u00e4" * 127)
    for name, properties, fill in (
        ("with a header of frame_max", {}, b"x"),
        ("with 255 bytes in each", long_texts, b""),
        ("with a correlation_id that is not UTF-8", {"correlation_id": b"\xff" * 255}, b""),
        ("with a priority", {"priority": 0}, b""),
    ):
        yield Hostile(f"fails {name}", [FAILED], properties=properties, fill=fill, then="after:temporary")
