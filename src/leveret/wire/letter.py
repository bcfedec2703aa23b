"""Writing dead letters: what may be kept of a request that was given up, and what must not be."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from leveret.amqp import Delivery
from leveret.errors import InvalidRequest
from leveret.wire.codec import LARGEST_BODY, LARGEST_REWRITTEN, decode_object, encode_json
from leveret.wire.envelope import LetterBody
from leveret.wire.masking import shown, text_without_secrets, without_secrets, without_tokens

_SHORT_REASON: Final = 200
"""Characters of the reason in a letter that has to be short."""

_LARGEST_HEADERS: Final = 16 * 1024
"""Bytes of a message's headers in its letter; more are left out."""

_QUOTES: Final = b'""'
_LARGEST_TEXT: Final = LARGEST_BODY
"""Bytes in the letter of a body that is not a request: a control character has six there."""


def write_letter(
    body: bytes,
    headers: Mapping[str, Any],
    reason: str,
    secrets: Iterable[str],
    failed_at: datetime,
    *,
    read: bool = True,
) -> bytes:
    """Make a dead letter's body.

    The request's token is left out: it would have expired, and a queue is no place for it. Fields that hold a secret
    are replaced, and such a letter says that it cannot be redriven.

    Args:
        body: the message's body as it came.
        headers: the message's headers as they came.
        reason: why it was given up.
        secrets: names of the fields in ``data`` that must not be written down.
        failed_at: when, in UTC.
        read: the body may be read as JSON; otherwise it is kept as a text.
    """
    names = frozenset(secrets)
    request, lost = _kept(body, names) if read else (_as_text(body, names), True)
    kept = _bound(without_secrets(readable(headers), names))
    letter = LetterBody(
        _iso(failed_at), without_tokens(writable(reason)), request, kept, False if lost else msgspec.UNSET
    )
    return encode_json(letter)


def known_body(delivery: Delivery) -> bytes:
    """Give the body of a message, or say how large it is where it was too large to be kept."""
    return f"[{delivery.left_out} bytes left out]".encode() if delivery.left_out else delivery.body


def write_short_letter(named: Mapping[str, str], size: int, reason: str, failed_at: datetime) -> bytes:
    """Make a dead letter's body that is short, whatever the request was: without its content and headers.

    Args:
        named: what the request is found by.
        size: bytes that are left out.
        reason: why it was given up.
        failed_at: when, in UTC.
    """
    request = {**named, "left out": f"{size} bytes, which the broker did not take as they were"}
    why = shown(writable(reason), _SHORT_REASON)
    return encode_json(LetterBody(_iso(failed_at), why, request, {}, redrivable=False))


def writable(text: str) -> str:
    """Replace what UTF-8 cannot write: an error's text may hold halves of surrogate pairs."""
    return text.encode(errors="backslashreplace").decode()


def show_body(body: bytes, secrets: Iterable[str]) -> Any:
    """Make what may be shown of a body that no worker wrote: the request without secrets, or a text of the body.

    Args:
        body: as it came.
        secrets: names of the fields that must not be shown.
    """
    return _kept(body, frozenset(secrets))[0]


def readable(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Turn header values into JSON: times as ISO 8601, bytes as text."""
    return {str(name): _readable(value) for name, value in headers.items()}


def _readable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return readable(value)
    if isinstance(value, list):
        return [_readable(member) for member in value]
    if isinstance(value, bytes | bytearray):
        value = bytes(value).decode(errors="backslashreplace")
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return _iso(value)
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _kept(body: bytes, secrets: frozenset[str]) -> tuple[Any, bool]:
    """Give what may be kept of a body, and whether something is lost that the request needs."""
    try:
        return _readable_request(decode_object(body, LARGEST_REWRITTEN), secrets)
    except InvalidRequest:
        return _as_text(body, secrets), True


def _readable_request(document: dict[str, Any], secrets: frozenset[str]) -> tuple[dict[str, Any], bool]:
    kept = {name: value for name, value in document.items() if name != "auth"}
    clean: dict[str, Any] = without_secrets(kept, secrets)
    return clean, clean != kept


def _as_text(body: bytes, secrets: frozenset[str]) -> str:
    """Show a body that is no request; in one that is no text nobody could see a secret, so nothing of it is kept."""
    text = _text(body[:LARGEST_BODY])
    if text is None:
        return f"[{len(body)} bytes that are no UTF-8 text left out]"
    whole = text_without_secrets(text, secrets)
    text = _cut(whole)
    omitted = len(whole.encode()) - len(text.encode()) + max(len(body) - LARGEST_BODY, 0)
    return f"{text} [{omitted} more bytes left out]" if omitted > 0 else text


def _cut(text: str) -> str:
    """Cut a text so that it has at most so many bytes in a letter."""
    while (size := len(encode_json(text)) - len(_QUOTES)) > _LARGEST_TEXT:
        text = text[: int(len(text) * min(_LARGEST_TEXT / size, 0.9))]
    return text


def _bound(headers: dict[str, Any]) -> dict[str, Any]:
    size = len(encode_json(headers))
    return headers if size <= _LARGEST_HEADERS else {"left out": f"{size} bytes of headers"}


def _text(piece: bytes) -> str | None:
    """Read UTF-8 whose last character may be cut; None for what is none, or has a NUL, as UTF-16 does."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(piece)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
