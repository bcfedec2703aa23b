"""Writing dead letters: what may be kept of a request that was given up, and what must not be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from warren.codec import LARGEST_BODY, LARGEST_REWRITTEN, decode_object, encode_json
from warren.envelope import DeadLetter
from warren.errors import InvalidRequest

REMOVED: Final = "[removed]"
"""Stands where a secret stood."""

_TOKEN: Final = re.compile(r"ey[\w-]{8,}\.[\w-]+\.[\w-]*")


def write_letter(
    body: bytes, headers: Mapping[str, Any], reason: str, secrets: Iterable[str], failed_at: datetime
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
    """
    names = frozenset(secrets)
    try:
        request: Any
        request, lost = _without_secrets(decode_object(body, LARGEST_REWRITTEN), names)
    except InvalidRequest:
        request, lost = _as_text(body, names), True
    letter = DeadLetter(_iso(failed_at), reason, request, readable(headers), False if lost else msgspec.UNSET)
    return encode_json(letter)


def readable(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Turn header values into JSON: times as ISO 8601, bytes as text, tokens removed."""
    return {str(name): _readable(value) for name, value in headers.items()}


def _readable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return readable(value)
    if isinstance(value, list):
        return [_readable(member) for member in value]
    if isinstance(value, bytes | bytearray):
        value = bytes(value).decode(errors="backslashreplace")
    if isinstance(value, str):
        return _TOKEN.sub(REMOVED, value)
    if isinstance(value, datetime):
        return _iso(value)
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _without_secrets(document: dict[str, Any], secrets: frozenset[str]) -> tuple[dict[str, Any], bool]:
    kept = {name: value for name, value in document.items() if name != "auth"}
    clean: dict[str, Any] = _clean(kept, secrets)
    return clean, clean != kept


def _clean(value: Any, secrets: frozenset[str]) -> Any:
    """Take secrets out wherever a caller put them: beside the data, deeper, or in a text that is JSON again."""
    if isinstance(value, dict):
        return {name: REMOVED if name in secrets else _clean(member, secrets) for name, member in value.items()}
    if isinstance(value, list):
        return [_clean(member, secrets) for member in value]
    return _clean_text(value, secrets) if isinstance(value, str) else value


def _clean_text(text: str, secrets: frozenset[str]) -> str:
    text = _TOKEN.sub(REMOVED, text)
    if secrets:
        named = "|".join(map(re.escape, sorted(secrets)))
        text = re.sub(rf'("(?:{named})"\s*:\s*)"(?:[^"\\]|\\.)*+"?', rf'\1"{REMOVED}"', text, flags=re.DOTALL)
    return text


def _as_text(body: bytes, secrets: frozenset[str]) -> str:
    text = _clean_text(body[:LARGEST_BODY].decode(errors="backslashreplace"), secrets)
    omitted = len(body) - LARGEST_BODY
    return f"{text} [{omitted} more bytes left out]" if omitted > 0 else text
