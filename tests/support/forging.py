"""Ways to forge a token: each function here returns a function that makes a token at a given time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from leveret.auth.keyring import Keyring, Principal, Ticket
from support.tokens import HEADERS, ISSUER, SECRET, ed25519, good_claims, hs256, raw, token

Forger = Callable[[float], str]
"""Function that makes a token at a given time."""

STRANGER = b"the key of somebody else, 32 byte"


def no_signature(_text: bytes) -> bytes:
    return b""


def unsigned(alg: str, *, dot: bool = True) -> Forger:
    def forge(now: float) -> str:
        whole = token(header={"alg": alg}, signer=no_signature, now=now)
        return whole if dot else whole.rstrip(".")

    return forge


def changed(kid: str | None = None, header: dict[str, Any] | None = None, **claims: Any) -> Forger:
    """Forge a token with a correct signature and something else wrong."""
    return lambda now: token(kid, header=header, now=now, **claims)


def one_claim(name: str, value: Callable[[float], Any]) -> Forger:
    """Forge a token one of whose claims depends on the time."""

    def forge(now: float) -> str:
        claims: dict[str, Any] = {name: value(now)}
        return token(now=now, **claims)

    return forge


def times(**seconds: float) -> Forger:
    def forge(now: float) -> str:
        claims: dict[str, Any] = {name: int(now + after) for name, after in seconds.items()}
        return token(now=now, **claims)

    return forge


def of_bytes(header: bytes | None = None, claims: bytes | None = None) -> Forger:
    """Forge a correctly signed token with other bytes."""

    def forge(now: float) -> str:
        good = json.dumps(HEADERS[None]).encode(), json.dumps(good_claims(now)).encode()
        return raw(header or good[0], claims or good[1], hs256(SECRET))

    return forge


def with_member(part: str) -> Forger:
    """Forge a token whose claims have one more member, given as text."""
    return lambda now: of_bytes(None, (json.dumps(good_claims(now))[:-1] + part + "}").encode())(now)


def with_end(text: str) -> Forger:
    """Forge a token whose `exp` is written with this text."""
    return lambda now: of_bytes(
        None, json.dumps({**good_claims(now), "exp": 0}).replace('"exp": 0', f'"exp": {text}').encode()
    )(now)


def bent(bend: Callable[[str], str]) -> Forger:
    """Forge a token from a good one, changed afterwards."""
    return lambda now: bend(token(now=now))


def confused(kid: str | None, secret: Callable[[], bytes]) -> Forger:
    """Forge a token that is signed with HS256 and a public key's bytes as the secret."""
    return lambda now: token(kid, header={"alg": "HS256"}, signer=hs256(secret()), now=now)


def strange(kid: str | None = None, **header: Any) -> Forger:
    """Forge a token that a stranger signs, who names a key of their own."""
    return lambda now: token(kid, header=header, signer=hs256(STRANGER), now=now)


def spare_bits(whole: str) -> str:
    """Return a token whose signature has other letters but the same bytes for a decoder that drops the last bits."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return whole[:-1] + letters[letters.index(whole[-1]) + 1]


def ticket(now: float, secret: bytes = SECRET) -> str:
    return Keyring(secret, issuer=ISSUER, clock=lambda: now).issue_ticket(Ticket(Principal("7"), "a1", 0))


def by_stranger_ed(text: bytes) -> bytes:
    return ed25519("stranger").sign(text)
