"""Reads a message of the stream of letters into what the index keeps of it. No I/O; never raises."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from leveret.amqp import Delivery, FieldTable
from leveret.amqp.rabbitmq import DEATHS
from leveret.letters.document import as_document
from leveret.letters.fingerprint import LONGEST_NAME, LetterCause, cause_of
from leveret.letters.index.clean import surely_clean
from leveret.letters.index.words import most_text, searchable
from leveret.letters.key import LARGEST_KNOWN, letter_key
from leveret.letters.letter import Death, Letter, deaths_in, read_letter
from leveret.wire.codec import encode_json
from leveret.wire.envelope import PRINCIPAL, STAMP
from leveret.wire.kept import writable
from leveret.wire.letter import LetterBody, may_be_letter
from leveret.wire.masking import without_tokens

LONGEST_KEY: Final = 128
"""Characters of a key, an id and a principal; a longer key is replaced by its digest, the others are cut."""

_MOST_FAILURES: Final = 10_000
"""Failures that are remembered while letters are read; then the memory begins anew."""


class Kind(Struct, frozen=True, gc=False):
    """What many letters have in common, so that the index keeps it once.

    Attributes:
        cause: why requests were given up.
        version: the version of the API.
        worker_version: the application's version in the worker.
    """

    cause: LetterCause
    version: str
    worker_version: str


class Entry(Struct, frozen=True, gc=False):
    """What the index keeps of one message.

    Attributes:
        key: the letter's key, as the index knows it.
        request_id: the id of its request; empty where nobody can tell.
        kind: what it has in common with others.
        principal: whose request it was, as the header says; empty for nobody.
        failed_at: POSIX milliseconds; 0 where that is not known.
        size: bytes of the message's body.
        document: everything that is shown of the letter, as JSON.
        words: the text in which words are searched.
    """

    key: str
    request_id: str
    kind: Kind
    principal: str
    failed_at: int
    size: int
    document: str
    words: str


class _Written(Struct, frozen=True, gc=False):
    """What a worker wrote, with the parts that are only kept as the bytes that they are."""

    failed_at: str
    reason: str
    request: msgspec.Raw
    headers: dict[str, msgspec.Raw]
    redrivable: bool = True
    message_id: str = ""
    code: str = ""
    exception: str = ""
    place: str = ""
    version: str = ""
    attempts: list[msgspec.Raw] = []


class _Asked(Struct, frozen=True, gc=False):
    """What a request begins with."""

    id: str = ""
    version: str = ""
    action: str = ""
    data: msgspec.Raw = msgspec.Raw(b"")


class _Document(Struct, frozen=True, gc=False):
    """What is shown of a letter; see `leveret.letters.document`."""

    correlation_id: str | None
    message_id: str | None
    letter: msgspec.Raw
    deaths: tuple[Death, ...]


_decode_written = msgspec.json.Decoder(_Written).decode
_decode_asked = msgspec.json.Decoder(_Asked).decode
_encode = msgspec.json.Encoder().encode
_NOTHING: Final[FieldTable] = {}
_NOT_ASKED: Final = _Asked()


class EntryReader:
    """Reads messages into entries.

    Args:
        secrets: names of the fields whose values are not kept.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = frozenset(secrets)
        self._is_clean = surely_clean(self._secrets)
        self._kinds: dict[tuple[str, ...], Kind] = {}

    def read(self, delivery: Delivery) -> Entry:
        """Return what the index keeps of a letter, or of whatever else lies there."""
        return self._quickly(delivery) or self._thoroughly(delivery)

    def _quickly(self, delivery: Delivery) -> Entry | None:
        """Read a worker's letter that surely holds no secret; None where that is not sure."""
        body, properties = delivery.body, delivery.properties
        try:
            text = body.decode()
            if not may_be_letter(text):
                return None
            written = _decode_written(body)
        except (ValueError, RecursionError):
            return None
        headers = properties.headers or _NOTHING
        raw = _Document(properties.correlation_id, properties.message_id, msgspec.Raw(body), deaths_in(headers))
        try:
            encoded = _encode(raw)
            document = encoded.decode()
        except ValueError:
            return None
        if not self._is_clean(encoded, document):
            return None
        asked = _asked(written.request)
        return Entry(
            _key(delivery, written.message_id),
            (asked.id or properties.correlation_id or "")[:LONGEST_KEY],
            self._kind(asked, written.exception, written.place, written.code, written.version),
            _principal(headers),
            _milliseconds(written.failed_at),
            len(body),
            document,
            most_text(f"{written.reason} {bytes(asked.data or written.request).decode()}"),
        )

    def _thoroughly(self, delivery: Delivery) -> Entry:
        """Read any message by making its document first, which has no secrets."""
        letter = read_letter(delivery)
        document = as_document(letter, self._secrets)
        shape: dict[str, Any] = document["letter"]
        asked = _asked_in(shape.get("request", shape.get("body")))
        moved = "" if isinstance(letter.content, LetterBody) else _why_moved(letter)
        exception, place, version = (writable(str(shape.get(each) or "")) for each in ("exception", "place", "version"))
        kind = self._kind(asked, exception, place, writable(str(shape.get("code") or moved)), version)
        return Entry(
            _key(delivery, letter.content.message_id or "" if isinstance(letter.content, LetterBody) else ""),
            writable(without_tokens(asked.id or str(document["correlation_id"] or "")))[:LONGEST_KEY],
            kind,
            _principal(letter.headers),
            _milliseconds(str(shape.get("failed_at") or "")) or _moved_at(letter),
            delivery.left_out or len(delivery.body),
            writable(encode_json(document).decode()),
            most_text(writable(searchable(shape))),
        )

    def _kind(self, asked: _Asked, exception: str, place: str, code: str, worker_version: str) -> Kind:
        known = (asked.version, asked.action, exception, place, code, worker_version)
        kind = self._kinds.get(known)
        if kind is None:
            name = f"{asked.version}.{asked.action}" if asked.action else ""
            found = cause_of(name, exception, place, code[:LONGEST_NAME])
            if len(self._kinds) >= _MOST_FAILURES:
                self._kinds.clear()
            kind = self._kinds[known] = Kind(found, asked.version[:LONGEST_NAME], worker_version[:LONGEST_NAME])
        return kind


def stored_key(key: str) -> str:
    """Return a letter's key as the index has it: a digest of one that is long, or could hold a token."""
    if len(key) <= LONGEST_KEY and key.isascii() and without_tokens(key) == key:
        return key
    return hashlib.blake2b(key.encode(errors="replace"), digest_size=16).hexdigest()


def _key(delivery: Delivery, written: str) -> str:
    """Return the letter's key; ``written`` is what its body says, without which the body would be read once more."""
    own = delivery.properties.message_id
    known = own and own == written and len(delivery.body) <= LARGEST_KNOWN
    return stored_key(own if own and known else letter_key(delivery))


def _asked(request: msgspec.Raw) -> _Asked:
    try:
        return _decode_asked(request)
    except (ValueError, RecursionError):
        return _NOT_ASKED


def _asked_in(request: Any) -> _Asked:
    if not isinstance(request, dict):
        return _NOT_ASKED
    names = (request.get(name) for name in ("id", "version", "action"))
    request_id, version, action = (writable(each) if isinstance(each, str) else "" for each in names)
    return _Asked(request_id, version, action)


def _principal(headers: FieldTable) -> str:
    found = headers.get(PRINCIPAL)
    return writable(without_tokens(found))[:LONGEST_KEY] if isinstance(found, str) else ""


def _milliseconds(failed_at: str) -> int:
    try:
        moment = datetime.fromisoformat(failed_at)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0


def _why_moved(letter: Letter) -> str:
    """Return why the broker moved the message, from its list of deaths or, in a stream, from what is left of that."""
    found = letter.headers.get("x-first-death-reason")
    reason = letter.deaths[0].reason if letter.deaths else found if isinstance(found, str) else ""
    return without_tokens(reason)


def _moved_at(letter: Letter) -> int:
    """Return when the broker moved the message, or took it, as far as it tells."""
    tables, stamp = letter.headers.get(DEATHS), letter.headers.get(STAMP)
    first = tables[0] if isinstance(tables, list) and tables else None
    time = first.get("time") if isinstance(first, dict) else None
    if isinstance(time, datetime):
        return int(time.timestamp() * 1000)
    return stamp if isinstance(stamp, int) and 0 < stamp < 2**53 else 0
