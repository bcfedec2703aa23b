"""Rules for the fields of users and tasks; each function returns the value to store, or raises BrokenRule.

The limits are wide, because clients of the first version must continue to work: a new rule must not refuse what they
have always sent.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Final

LONGEST_TITLE: Final = 200
LONGEST_DESCRIPTION: Final = 10_000
LONGEST_EMAIL: Final = 254
"""Characters; RFC 5321, section 4.5.3.1.3, without the two brackets of a path."""
LONGEST_NAME: Final = 200
SHORTEST_PASSWORD: Final = 1
"""Characters; the first version accepted any password that was not empty, and its clients rely on that."""
LONGEST_PASSWORD: Final = 1024


class BrokenRule(ValueError):
    """A value breaks a rule; the text names the field."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"Field {field}: {text}")
        self.field = field


def title(text: str) -> str:
    """Check a task's title: 1 to 200 characters, at least one of which is not a blank."""
    _check_length("title", text, 1, LONGEST_TITLE)
    if not text.strip():
        raise BrokenRule("title", "must not be blank")
    return text


def description(text: str | None) -> str | None:
    """Check a task's description: up to 10,000 characters."""
    if text is not None:
        _check_length("description", text, 0, LONGEST_DESCRIPTION)
    return text


def email(text: str) -> str:
    """Check an email, and return it in lower case and in NFC.

    An email has a local part, one ``@`` and a host, in up to 254 characters. Two texts that are canonically equivalent
    in Unicode (UAX 15) are the same email, because systems differ in how they type it. Characters that only look alike
    are different emails, because the text does not say which of them was meant.
    """
    kept = composed(former_email(text))
    _check_length("email", kept, 3, LONGEST_EMAIL)
    local, at, host = kept.partition("@")
    if not (local and at and host) or "@" in host or any(sign.isspace() or not sign.isprintable() for sign in kept):
        raise BrokenRule("email", "must look like name@example.com")
    return kept


def former_email(text: str) -> str:
    """Return an email in the form in which it was stored before NFC was used; older rows are found by that form."""
    return text.strip().lower()


def composed(text: str) -> str:
    """Return a text in NFC."""
    if text.isascii():
        return text
    import unicodedata  # noqa: PLC0415 - it takes a megabyte of memory, and most texts do not need it

    return unicodedata.normalize("NFC", text)


def full_name(text: str | None) -> str | None:
    """Check a user's name: up to 200 characters."""
    if text is not None:
        _check_length("full_name", text, 0, LONGEST_NAME)
    return text


def password(text: str) -> str:
    """Check a new password: 1 to 1,024 characters."""
    _check_length("password", text, SHORTEST_PASSWORD, LONGEST_PASSWORD)
    return text


def due_date(text: str | None) -> datetime | None:
    """Read an ISO 8601 date, which means midnight UTC, or date and time, which is UTC unless it names a zone.

    ``t`` and ``z`` may be lower case, as RFC 3339, section 5.6, allows.
    """
    if text is None:
        return None
    try:
        if len(text) <= len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        moment = datetime.fromisoformat(text.upper())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BrokenRule(
            "due_date", "must be an ISO 8601 date or date and time, such as 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from None


def _check_length(field: str, text: str, least: int, most: int) -> None:
    if not least <= len(text) <= most:
        raise BrokenRule(field, f"must have {least} to {most} characters, not {len(text)}")
