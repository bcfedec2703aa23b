"""Who is calling: JSON Web Tokens from callers, and tickets for requests that the worker moves on.

A token says who the caller is. A ticket replaces it when a request waits in a retry queue: it names the verified
caller and this one request, is accepted for nothing else, and outlives the token. Each has a signing key of its own,
both made from one secret, so that neither can pass for the other.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import jwt
from msgspec import Struct

from warren.errors import Unauthenticated

SHORTEST_SECRET: Final = 32
"""Bytes; RFC 7518, section 3.2: an HS256 key has at least the hash's size."""

LEEWAY: Final = timedelta(seconds=30)
"""How far clocks may differ (RFC 7519, section 4.1.4)."""

_ALGORITHM: Final = "HS256"
_REQUIRED: Final = ["exp", "iat", "sub", "iss", "aud"]
_TICKET_SCHEME: Final = "Ticket "
_TICKET_TYPE: Final = "warren-ticket+jwt"
_TICKET_AUDIENCE: Final = "warren:ticket"
_REFUSED: Final = "Token missing, invalid or expired"


class Principal(Struct, frozen=True):
    """The verified caller; ``subject`` is the token's ``sub``, empty for a caller without a token."""

    subject: str


ANONYMOUS: Final = Principal("")


class Ticket(Struct, frozen=True):
    """What a verified ticket says: whose request it is, which one, and how many retries lie behind it."""

    principal: Principal
    request_id: str
    retries: int


class Keyring:
    """Issues and verifies tokens and tickets with one secret.

    Verdicts about tokens are cached, bounded in number; expiry is checked on every use. Not for several threads.

    Args:
        secret: at least 32 bytes.
        issuer: the ``iss`` and ``aud`` of tokens.
        longest_life: a token that claims to live longer is refused.
        ticket_life: how long a request may wait in retry.
        clock: POSIX time in seconds.

    Raises:
        ValueError: the secret is too short.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        issuer: str,
        longest_life: timedelta = timedelta(days=31),
        ticket_life: timedelta = timedelta(days=7),
        clock: Callable[[], float] = time.time,
        cache_size: int = 10_000,
    ) -> None:
        if len(secret) < SHORTEST_SECRET:
            raise ValueError(f"The JWT secret has {len(secret)} bytes; at least {SHORTEST_SECRET} are needed")
        self._secret = secret
        self._ticket_secret = hmac.digest(secret, b"warren ticket", "sha256")
        self._fingerprint_secret = hmac.digest(secret, b"warren fingerprint", "sha256")
        self._issuer = issuer
        self._longest_life = longest_life.total_seconds()
        self._ticket_life = ticket_life.total_seconds()
        self._clock = clock
        self._cache_size = cache_size
        self._verdicts: OrderedDict[str, tuple[Principal, float]] = OrderedDict()

    def issue(self, subject: str, life: timedelta) -> str:
        """Make a token for a caller that has proven who it is."""
        now = int(self._clock())
        claims = {"sub": subject, "iat": now, "exp": now + int(life.total_seconds()), "iss": self._issuer}
        return jwt.encode({**claims, "aud": self._issuer}, self._secret, algorithm=_ALGORITHM)

    def verify(self, auth: str) -> Principal:
        """Say who presents this token, with or without a leading ``Bearer ``.

        Raises:
            Unauthenticated: for every reason with the same text, so that a forger learns nothing.
        """
        token = bearer(auth)
        now = self._clock()
        if found := self._verdicts.get(token):
            principal, expires = found
            if now < expires:
                self._verdicts.move_to_end(token)
                return principal
            del self._verdicts[token]
        claims = self._claims(token, self._secret, self._issuer, now)
        if claims["exp"] - claims["iat"] > self._longest_life or not claims["sub"]:
            raise Unauthenticated(_REFUSED)
        principal = Principal(claims["sub"])
        self._verdicts[token] = principal, claims["exp"] + LEEWAY.total_seconds()
        if len(self._verdicts) > self._cache_size:
            self._verdicts.popitem(last=False)
        return principal

    def issue_ticket(self, ticket: Ticket) -> str:
        """Make the ticket with which a request waits in a retry queue."""
        now = int(self._clock())
        claims = {
            "sub": ticket.principal.subject,
            "rid": ticket.request_id,
            "retries": ticket.retries,
            "iat": now,
            "exp": now + int(self._ticket_life),
            "iss": self._issuer,
            "aud": _TICKET_AUDIENCE,
        }
        return _TICKET_SCHEME + jwt.encode(
            claims, self._ticket_secret, algorithm=_ALGORITHM, headers={"typ": _TICKET_TYPE}
        )

    def read_ticket(self, auth: str, request_id: str) -> Ticket:
        """Verify the ticket of one request.

        Raises:
            Unauthenticated: it is none of ours, expired, or another request's.
        """
        token = auth.removeprefix(_TICKET_SCHEME)
        claims = self._claims(token, self._ticket_secret, _TICKET_AUDIENCE, self._clock())
        if claims.get("rid") != request_id or not isinstance(claims.get("retries"), int):
            raise Unauthenticated(_REFUSED)
        return Ticket(Principal(claims["sub"]), request_id, claims["retries"])

    def fingerprint(self, canonical_request: bytes, *, keyed: bool) -> bytes:
        """Digest a request to compare it with a later one; keyed where a password in it must not be guessable."""
        key = self._fingerprint_secret if keyed else b""
        return hashlib.blake2b(canonical_request, digest_size=16, key=key).digest()

    def _claims(self, token: str, secret: bytes, audience: str, now: float) -> Mapping[str, Any]:
        try:
            # The clock is ours, so the times are checked here and not by the library.
            claims: dict[str, Any] = jwt.decode(
                token,
                secret,
                algorithms=[_ALGORITHM],
                audience=audience,
                issuer=self._issuer,
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except (jwt.InvalidTokenError, ValueError) as error:
            raise Unauthenticated(_REFUSED) from error
        leeway = LEEWAY.total_seconds()
        times = [claims["iat"], claims["exp"], claims.get("nbf", 0)]
        if any(type(moment) not in (int, float) for moment in times):
            raise Unauthenticated(_REFUSED)
        issued, expires, begins = times
        if not (issued - leeway <= now < expires + leeway and begins - leeway <= now):
            raise Unauthenticated(_REFUSED)
        return claims


def bearer(auth: str) -> str:
    """Take a leading ``Bearer `` off (RFC 6750, section 2.1; the scheme's case does not matter)."""
    return auth[7:].strip() if auth[:7].lower() == "bearer " else auth.strip()


def is_ticket(auth: str) -> bool:
    """Tell a ticket from a token by its scheme; it still has to be verified."""
    return auth.startswith(_TICKET_SCHEME)
