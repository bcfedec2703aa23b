"""What the claims of a token must say (RFC 7519, section 4.1). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

LEEWAY: Final = timedelta(seconds=30)
"""How far clocks may differ (RFC 7519, section 4.1.4)."""

LONGEST_SUBJECT: Final = 64
"""Characters; so many has the column of the principal."""


class Expired(ValueError):
    """All times are as they should be, but the last one has passed."""


def check_origin(claims: Mapping[str, Any], *, issuer: str, audience: str) -> None:
    """Check who issued a token, and for whom; several audiences may be named (RFC 7519, section 4.1.3).

    Raises:
        ValueError: another one, or in a form that the RFC does not have.
    """
    if claims.get("iss") != issuer:
        raise ValueError("another issuer")
    named = claims.get("aud")
    audiences = named if isinstance(named, list) else [named]
    if audience not in audiences or not all(isinstance(one, str) for one in audiences):
        raise ValueError("another audience")


def check_times(claims: Mapping[str, Any], *, now: float, longest: float) -> float:
    """Check ``iat``, ``exp`` and ``nbf``; the clocks may differ by the leeway.

    Args:
        claims: of a token.
        now: POSIX time in seconds.
        longest: seconds from ``iat`` to ``exp`` at most.

    Returns:
        When it ends to be believed, POSIX time in seconds.

    Raises:
        Expired: it has expired, and nothing else is wrong with its times.
        ValueError: not yet valid, lives too long, or times in a form that the RFC does not have.
    """
    times = [claims.get("iat"), claims.get("exp"), claims.get("nbf", 0)]
    if any(type(moment) not in (int, float) for moment in times):
        raise ValueError("a time is missing, or no number")
    issued, expires, begins = times
    if not 0 < expires - issued <= longest:
        raise ValueError("lives too long, or ends before it begins")
    leeway = LEEWAY.total_seconds()
    if issued - leeway > now or begins - leeway > now:
        raise ValueError("not yet valid")
    if expires + leeway <= now:
        raise Expired("expired")
    return float(expires + leeway)


def subject_of(claims: Mapping[str, Any]) -> str:
    """Read ``sub``.

    Raises:
        ValueError: it is no text of up to 64 printable characters, or a blank stands at an end.
    """
    subject = claims.get("sub")
    if not (isinstance(subject, str) and len(subject) <= LONGEST_SUBJECT):
        raise ValueError("no subject, or a long one")
    if not subject.isprintable() or subject != subject.strip():
        raise ValueError("a subject that people would misread")
    return subject
