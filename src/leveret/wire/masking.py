"""What may be written down of a stranger's text: no token, wherever it stands, no secret field, no forged line.

Everything here takes time in proportion to the length of the text, because a stranger chooses the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

REMOVED: Final = "[removed]"
"""Stands where a secret stood."""

JWT_MARK: Final = "ey"
"""Stands in every token: the beginning of a JSON object in base64url. A text without it holds no token."""

_RUN: Final = re.compile(r"[\w.-]{12,}+")
_SHORTEST_HEADER: Final = 10
_SIGNATURE: Final = re.compile(r"[\w-]{40,}+")
"""At least 40 characters: 256 bits are 43 characters in base64 (RFC 7515, appendix C), and a UUID has 36."""

_NAMES: Final[dict[frozenset[str], tuple[re.Pattern[str], re.Pattern[str]]]] = {}


def without_tokens(text: str) -> str:
    """Replace every JSON Web Token (RFC 7519): three parts with dots between, the first of them a JSON object."""
    return _RUN.sub(_without_token, text) if JWT_MARK in text else text


def printable(text: str) -> str:
    """Escape what could forge a line, or change its direction, where the text is printed as it is.

    Escaped are control characters, all separators of lines, characters that change the direction of writing, other
    invisible ones and halves of surrogate pairs: whatever Python calls not printable (``str.isprintable``).
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def shown(text: str, most: int) -> str:
    """Return a stranger's text for a log or a letter: printable, without tokens, cut to ``most`` characters."""
    text = without_tokens(text)
    kept = printable(text[:most])
    return kept if len(text) <= most >= len(kept) else f"{kept[:most]}... ({len(text)} characters)"


def without_secrets(value: Any, secrets: Iterable[str]) -> Any:
    """Return JSON without secrets, wherever a caller put them: beside the data, deeper, or in a text that is JSON too.

    Args:
        value: any value that JSON can hold.
        secrets: names of fields whose values must not be written down, in any case and with any signs.
    """
    names = frozenset(secrets)
    return _clean(value, names, frozenset(map(_bare, names)))


def text_without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return a text that could not be read as JSON, without secrets.

    Behind each name of a secret, whatever may be its value is taken out. So is everything that is long enough to be the
    signature of a token of which only a part is there.
    """
    names = frozenset(secrets) | {"auth"}
    return _patterns(names)[1].sub(rf"\1{REMOVED}", _SIGNATURE.sub(REMOVED, without_tokens(text)))


def _without_token(run: re.Match[str]) -> str:
    parts = run[0].split(".")
    kept: list[str] = []
    at = 0
    while at < len(parts):
        part, start = parts[at], parts[at].find(JWT_MARK)
        if start >= 0 and len(part) - start >= _SHORTEST_HEADER and at + 2 < len(parts) and parts[at + 1]:
            kept.append(part[:start] + REMOVED)
            at += 3
        else:
            kept.append(part)
            at += 1
    return ".".join(kept)


def _bare(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


def _clean(value: Any, secrets: frozenset[str], bare: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {
            without_tokens(name): REMOVED if _bare(name) in bare else _clean(member, secrets, bare)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [_clean(member, secrets, bare) for member in value]
    if not isinstance(value, str):
        return value
    text = without_tokens(value)
    return _patterns(secrets)[0].sub(rf'\1"{REMOVED}"', text) if secrets else text


def _patterns(names: frozenset[str]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns for fields of JSON or of a form inside a text, and for a text of any kind, such as XML."""
    found = _NAMES.get(names)
    if found is None:
        named = "|".join(map(re.escape, sorted(names)))
        as_json = rf"""("(?:{named})"\s*+:\s*+|\b(?:{named})=)(?:"(?:[^"\\]|\\.)*+"?|[^\s&"]++)"""
        value = r"""(?:\\?"(?:[^"\\]|\\.)*+"?|'(?:[^'\\]|\\.)*+'?|[^\r\n]++)"""
        of_any_kind = rf"""((?:{named})\\?["']?\s*+[:=>]?\s*+){value}"""
        flags = re.IGNORECASE | re.DOTALL
        found = _NAMES[names] = re.compile(as_json, flags), re.compile(of_any_kind, flags)
    return found
