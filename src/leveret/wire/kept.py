"""What a dead letter keeps of a message, and what must not be written down."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from leveret.amqp import Delivery
from leveret.errors import InvalidRequest
from leveret.wire.codec import decode_object, encode_json
from leveret.wire.limits import LARGEST_MOVED_REQUEST, LARGEST_REQUEST
from leveret.wire.masking import text_without_secrets, without_secrets
from leveret.wire.words import counted

_LARGEST_HEADERS: Final = 16 * 1024
"""Bytes of a message's headers in its letter; larger ones are left out."""

_QUOTES: Final = b'""'
_LARGEST_TEXT: Final = LARGEST_REQUEST
"""Bytes in the letter of a body that is not a request: a control character has six there."""


def known_body(delivery: Delivery) -> bytes:
    """Return the body of a message, or a text that says how large it was if it was too large to be kept in memory."""
    return f"[{delivery.left_out} bytes left out]".encode() if delivery.left_out else delivery.body


def writable(text: str) -> str:
    """Escape what UTF-8 cannot write: an error's text may hold halves of surrogate pairs."""
    return text.encode(errors="backslashreplace").decode()


def show_body(body: bytes, secrets: Iterable[str]) -> Any:
    """Return what may be shown of a body that no worker wrote: the request without secrets, or a text of the body.

    Args:
        body: as it came.
        secrets: names of the fields that must not be shown.
    """
    return kept_body(body, frozenset(secrets))[0]


def kept_body(body: bytes, secrets: frozenset[str]) -> tuple[Any, bool]:
    """Return what a letter keeps of a body, and whether something is missing there that the request needs.

    Args:
        body: as it came.
        secrets: names of the fields that must not be written down.
    """
    try:
        return _without_secrets(decode_object(body, LARGEST_MOVED_REQUEST), secrets)
    except InvalidRequest:
        return kept_text(body, secrets), True


def kept_text(body: bytes, secrets: frozenset[str]) -> str:
    """Return a body that is not a request as a text.

    Of a body that is not UTF-8 nothing is kept, because nobody could see a secret in it.

    Args:
        body: as it came.
        secrets: names of the fields whose values are taken out, as far as they can be found.
    """
    text = _text(body[:LARGEST_REQUEST])
    if text is None:
        return f"[{len(body)} {'byte that is' if len(body) == 1 else 'bytes that are'} no UTF-8 text left out]"
    whole = text_without_secrets(text, secrets)
    text = _cut(whole)
    omitted = len(whole.encode()) - len(text.encode()) + max(len(body) - LARGEST_REQUEST, 0)
    return f"{text} [{counted(omitted, 'more byte')} left out]" if omitted > 0 else text


def kept_headers(headers: Mapping[str, Any], secrets: frozenset[str]) -> dict[str, Any]:
    """Return headers as a letter keeps them: as JSON and without secrets; only their size if they are too large."""
    kept: dict[str, Any] = without_secrets(_as_json(headers), secrets)
    size = len(encode_json(kept))
    return kept if size <= _LARGEST_HEADERS else {"left out": f"{size} bytes of headers"}


def iso_time(moment: datetime) -> str:
    """Write a moment as ISO 8601 in UTC, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _as_json(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the values of headers into JSON: times become ISO 8601, bytes become text."""
    return {str(name): _readable(value) for name, value in headers.items()}


def _readable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _as_json(value)
    if isinstance(value, list):
        return [_readable(member) for member in value]
    if isinstance(value, bytes | bytearray):
        value = bytes(value).decode(errors="backslashreplace")
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return iso_time(value)
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _without_secrets(document: dict[str, Any], secrets: frozenset[str]) -> tuple[dict[str, Any], bool]:
    kept = {name: value for name, value in document.items() if name != "auth"}
    clean: dict[str, Any] = without_secrets(kept, secrets)
    return clean, clean != kept


def _cut(text: str) -> str:
    """Cut a text so that it does not have too many bytes in a letter."""
    while (size := len(encode_json(text)) - len(_QUOTES)) > _LARGEST_TEXT:
        text = text[: int(len(text) * min(_LARGEST_TEXT / size, 0.9))]
    return text


def _text(piece: bytes) -> str | None:
    """Read UTF-8 whose last character may be cut; None for what is not UTF-8, or has a NUL, as UTF-16 does."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(piece)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
