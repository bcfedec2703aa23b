"""Who is calling: JSON Web Tokens of callers, and tickets of requests that wait for a retry.

A token says who the caller is. While a request waits in a retry queue, a ticket replaces the token: it names the
verified caller and this one request, is accepted for nothing else, and lives longer than the token. Tokens and tickets
have different signing keys, so that neither can pass for the other.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from msgspec import Struct

from leveret.auth import jws
from leveret.auth.claims import Expired, check_origin, check_times, subject_of
from leveret.auth.keys import HS256, NO_KEYS, KeySet, SigningKey, secret_key
from leveret.auth.seals import is_seal, make_seal, seal_key
from leveret.errors import Unauthenticated

_TOKEN_TYPE: Final = "JWT"  # noqa: S105 -- the kind of token, RFC 7519, section 5.1
_TOKEN_TYPES: Final = frozenset({None, "jwt", "at+jwt"})
_TICKET_SCHEME: Final = "Ticket "
_TICKET_TYPE: Final = "leveret-ticket+jwt"
_TICKET_AUDIENCE: Final = "leveret:ticket"
_SHORT: Final = 512
"""Characters. The verdict about a longer token is stored under its digest, so that all take a few megabytes."""

_REFUSED: Final = "Token missing, invalid or expired"


class Principal(Struct, frozen=True):
    """The verified caller; ``subject`` is the token's ``sub``, empty for a caller without a token."""

    subject: str


ANONYMOUS: Final = Principal("")


class TokenIdentity(Struct, frozen=True):
    """What a verified token says of a caller.

    Attributes:
        principal: who it is.
        roles: what the claim ``roles`` names (RFC 9068, section 2.2.3.1); empty where it is not a list of texts.
        expires: POSIX time in seconds from which the token is not accepted any more.
    """

    principal: Principal
    roles: tuple[str, ...]
    expires: float


class TokenExpired(Unauthenticated):
    """The token has expired, but is genuine; the caller gets the same text as for every other reason.

    Attributes:
        principal: the caller that it names.
    """

    def __init__(self, principal: Principal) -> None:
        super().__init__(_REFUSED)
        self.principal = principal


class Ticket(Struct, frozen=True):
    """What a verified ticket says.

    Attributes:
        principal: whose request it is.
        request_id: which request it is.
        retries: how many retries the request has had.
        attempts: digest of the attempts that travel with the request; empty where none do.
    """

    principal: Principal
    request_id: str
    retries: int
    attempts: str = ""


class _Trust:
    """Everything that follows from one set of keys, verdicts included; replaced as a whole when the keys change."""

    def __init__(self, secret: SigningKey, keys: KeySet) -> None:
        self.signer = keys.signer or secret
        self.token_keys: dict[str | None, SigningKey] = {None: secret, **{key.kid: key for key in keys.tokens.values()}}
        self.ticket_signer = _ticket_key(secret.private)
        known = [self.ticket_signer, *map(_ticket_key, keys.secrets.values())]
        self.ticket_keys: dict[str | None, SigningKey] = {None: self.ticket_signer, **{key.kid: key for key in known}}
        former = {_fingerprint_key(other) for other in keys.secrets.values()}
        self.fingerprint_key = _fingerprint_key(secret.private)
        self.former_fingerprint_keys = tuple(former - {self.fingerprint_key})
        self.letter_keys = tuple(map(seal_key, (secret.private, *keys.secrets.values())))
        self.verdicts: OrderedDict[str | bytes, tuple[Principal, float]] = OrderedDict()


class Keyring:
    """Issues and verifies tokens and tickets.

    The secret signs tickets, makes fingerprints, and signs tokens unless another key does. Tickets and fingerprints of
    the other secrets in ``keys`` are accepted too, so that a secret can be changed while requests wait. A token that
    does not name a key is verified with the secret only.

    Verdicts about tokens are cached; the cache is bounded in number and in bytes, and expiry is checked on every use.
    ``use`` may be called in any thread, everything else in one thread only.

    Args:
        secret: at least 32 bytes.
        issuer: the ``iss`` and ``aud`` of tokens.
        keys: the keys beside the secret.
        longest_life: a token that claims to live longer is refused.
        ticket_life: how long a request may wait in retry.
        clock: POSIX time in seconds.
        cache_size: the most tokens whose verdicts are kept.

    Raises:
        ValueError: the secret is too short, or looks like a key of another kind.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        issuer: str,
        keys: KeySet = NO_KEYS,
        longest_life: timedelta = timedelta(days=31),
        ticket_life: timedelta = timedelta(days=7),
        clock: Callable[[], float] = time.time,
        cache_size: int = 10_000,
    ) -> None:
        self._secret = secret_key(secret)
        self._trust = _Trust(self._secret, keys)
        self._issuer = issuer
        self._longest_life = longest_life.total_seconds()
        self._ticket_life = ticket_life.total_seconds()
        self._clock = clock
        self._cache_size = cache_size

    def use(self, keys: KeySet) -> None:
        """Accept these keys from now on and forget all verdicts; may be called in any thread."""
        self._trust = _Trust(self._secret, keys)

    def issue(self, subject: str, life: timedelta, *, roles: Sequence[str] = ()) -> str:
        """Return a new token for a caller who has proven who it is.

        Args:
            subject: who it is.
            life: how long the token is accepted.
            roles: become the claim ``roles``, which actions do not see; ``console:viewer`` and ``console:operator`` let
                a person into the console.
        """
        now = int(self._clock())
        claims: dict[str, Any] = {"sub": subject, "iat": now, "exp": now + int(life.total_seconds())}
        claims |= {"iss": self._issuer} | ({"roles": list(roles)} if roles else {})
        return jws.sign({**claims, "aud": self._issuer}, self._trust.signer, _TOKEN_TYPE)

    def verify(self, auth: str) -> Principal:
        """Return the caller that this token names; it may have a leading ``Bearer ``.

        Raises:
            Unauthenticated: the token is not valid; the text is always the same, so that a forger learns nothing.
            TokenExpired: it has expired, and nothing else is wrong.
        """
        token = bearer(auth)
        now = self._clock()
        trust = self._trust
        name = token if len(token) <= _SHORT else hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        if found := trust.verdicts.get(name):
            principal, expires = found
            if now < expires:
                trust.verdicts.move_to_end(name)
                return principal
            del trust.verdicts[name]
        principal, expires = self._examine(token, trust, now)
        trust.verdicts[name] = principal, expires
        if len(trust.verdicts) > self._cache_size:
            trust.verdicts.popitem(last=False)
        return principal

    def identify(self, auth: str) -> TokenIdentity:
        """Return who a token names, with roles; nothing of it is cached.

        Raises:
            Unauthenticated: the token is not valid.
            TokenExpired: it has expired, and nothing else is wrong.
        """
        trust, token = self._trust, bearer(auth)
        principal, expires = self._examine(token, trust, self._clock())
        roles = jws.verify(token, trust.token_keys, _TOKEN_TYPES).get("roles")
        named = roles if isinstance(roles, list) and all(isinstance(role, str) for role in roles) else ()
        return TokenIdentity(principal, tuple(named), expires)

    def issue_ticket(self, ticket: Ticket, *, until: float = math.inf) -> str:
        """Return the text of a ticket, for a request that waits in a retry queue or is sent again.

        Args:
            ticket: what it says.
            until: POSIX time at which it expires, if that is earlier than the end of its usual life.
        """
        now = int(self._clock())
        claims = {
            "sub": ticket.principal.subject,
            "rid": ticket.request_id,
            "retries": ticket.retries,
            "iat": now,
            "exp": min(now + int(self._ticket_life), until),
            "iss": self._issuer,
            "aud": _TICKET_AUDIENCE,
        }
        if ticket.attempts:
            claims["attempts"] = ticket.attempts
        return _TICKET_SCHEME + jws.sign(claims, self._trust.ticket_signer, _TICKET_TYPE)

    def read_ticket(self, auth: str, request_id: str) -> Ticket:
        """Verify the ticket of one request.

        Raises:
            Unauthenticated: it is not ours, has expired, or belongs to another request.
        """
        token = auth.removeprefix(_TICKET_SCHEME)
        try:
            claims = jws.verify(token, self._trust.ticket_keys, {_TICKET_TYPE})
            check_origin(claims, issuer=self._issuer, audience=_TICKET_AUDIENCE)
            check_times(claims, now=self._clock(), longest=float("inf"))
            principal, attempts = Principal(subject_of(claims)), str(claims.get("attempts", ""))
            return Ticket(principal, request_id, _retries_of(claims, request_id), attempts)
        except ValueError as error:
            raise Unauthenticated(_REFUSED) from error

    def seal_letter(self, queue: str, principal: str | None, body: bytes) -> str:
        """Return the seal that shows that a worker wrote a dead letter; see `leveret.auth.seals.make_seal`."""
        return make_seal(self._trust.letter_keys[0], queue, principal, body)

    def is_letter_sealed(self, queue: str, principal: str | None, body: bytes, seal: str) -> bool:
        """Return whether a worker sealed this letter, with the secret or another known one."""
        return is_seal(seal, self._trust.letter_keys, queue, principal, body)

    def fingerprint(self, canonical_request: bytes, *, keyed: bool) -> bytes:
        """Return the digest of a request, to recognise it again; ``keyed`` where it must not reveal a password."""
        return _digest(canonical_request, self._trust.fingerprint_key if keyed else b"")

    def other_fingerprints(self, canonical_request: bytes, *, keyed: bool) -> tuple[bytes, ...]:
        """Return the digests that workers with former and coming secrets make of a request; none without ``keyed``."""
        if not keyed:
            return ()
        return tuple(_digest(canonical_request, key) for key in self._trust.former_fingerprint_keys)

    def _examine(self, token: str, trust: _Trust, now: float) -> tuple[Principal, float]:
        try:
            claims = jws.verify(token, trust.token_keys, _TOKEN_TYPES)
            check_origin(claims, issuer=self._issuer, audience=self._issuer)
            subject = subject_of(claims)
            expires = check_times(claims, now=now, longest=self._longest_life)
        except Expired as error:
            raise (TokenExpired(Principal(subject)) if subject else Unauthenticated(_REFUSED)) from error
        except ValueError as error:
            raise Unauthenticated(_REFUSED) from error
        if not subject:
            raise Unauthenticated(_REFUSED)
        return Principal(subject), expires


def bearer(auth: str) -> str:
    """Return a token without a leading ``Bearer `` (RFC 6750, section 2.1; its case does not matter)."""
    return auth[7:].strip() if auth[:7].lower() == "bearer " else auth.strip()


def is_ticket(auth: str) -> bool:
    """Return whether this is a ticket and not a token, by its scheme; it still has to be verified."""
    return auth.startswith(_TICKET_SCHEME)


def _retries_of(claims: dict[str, Any], request_id: str) -> int:
    retries = claims.get("retries")
    if claims.get("rid") != request_id or type(retries) is not int or retries < 0:
        raise ValueError("the ticket of another request")
    return retries


def _ticket_key(secret: bytes) -> SigningKey:
    """Derive the key that signs a secret's tickets; its ``kid`` names the secret and reveals nothing of it."""
    key = hmac.digest(secret, b"leveret ticket", "sha256")
    return SigningKey(HS256, key, key, hmac.digest(key, b"leveret ticket kid", "sha256")[:8].hex())


def _fingerprint_key(secret: bytes) -> bytes:
    return hmac.digest(secret, b"leveret fingerprint", "sha256")


def _digest(canonical_request: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(canonical_request, digest_size=16, key=key).digest()
