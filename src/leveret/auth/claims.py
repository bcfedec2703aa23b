"""What the claims of a token must say (RFC 7519, section 4.1). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

LEEWAY: Final = timedelta(seconds=30)
"""How far clocks may differ (RFC 7519, section 4.1.4)."""

LONGEST_SUBJECT: Final = 64
"""Characters: the length of the column of the principal."""


class Expired(ValueError):
    """The token has expired; nothing else is wrong with its times."""


def check_origin(claims: Mapping[str, Any], *, issuer: str, audience: str) -> None:
    """Check who issued a token, and for whom; it may name several audiences (RFC 7519, section 4.1.3).

    Raises:
        ValueError: issuer or audience is another one, or has a form that the RFC does not allow.
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
        POSIX time in seconds from which the token is not accepted any more.

    Raises:
        Expired: it has expired, and nothing else is wrong with its times.
        ValueError: it is not valid yet, lives too long, or has times in a form that the RFC does not allow.
    """
    times = [claims.get("iat"), claims.get("exp"), claims.get("nbf", 0)]
    if any(type(moment) not in (int, float) for moment in times):
        raise ValueError("a time is missing, or is not a number")
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
    """Return ``sub``.

    Raises:
        ValueError: it is not a text of up to 64 printable characters, or begins or ends with a blank.
    """
    subject = claims.get("sub")
    if not (isinstance(subject, str) and len(subject) <= LONGEST_SUBJECT):
        raise ValueError("no subject, or a long one")
    if not subject.isprintable() or subject != subject.strip():
        raise ValueError("a subject that people would misread")
    return subject
