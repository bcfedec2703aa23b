"""Seals of dead letters: they show that a worker wrote a letter, and whose request is in it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

import msgspec


def seal_key(secret: bytes) -> bytes:
    """Derive the key that seals are made with from the workers' secret."""
    return hmac.digest(secret, b"leveret letter", "sha256")


def make_seal(key: bytes, queue: str, principal: str | None, body: bytes) -> str:
    """Make the seal of a letter: an HMAC-SHA256 in hexadecimal.

    A caller chooses the headers and the body of its own message, and the broker moves messages to the dead-letter queue
    as they are (it is enough that one expires). So nothing that lies there is a worker's word without a seal.

    Args:
        key: made by `seal_key`.
        queue: where the letter lies, because two APIs may share a secret.
        principal: the verified caller's subject, or None where nobody was verified.
        body: the letter's body, which holds the request, the time and all facts about the failure.
    """
    content = msgspec.json.encode([queue, principal, hashlib.sha256(body).hexdigest()])
    return hmac.new(key, content, "sha256").hexdigest()


def is_seal(seal: str, keys: Iterable[bytes], queue: str, principal: str | None, body: bytes) -> bool:
    """Tell whether a seal was made of this letter with one of these keys; see `make_seal`."""
    seals = (make_seal(key, queue, principal, body).encode() for key in keys)
    return any(hmac.compare_digest(right, seal.encode()) for right in seals)
