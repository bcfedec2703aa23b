"""Hashes of passwords of console users: scrypt from the standard library (RFC 7914).

An installation of the console needs no password library for this. The parameters are those that OWASP names as the
equal of Argon2id with 19 MiB ("Password Storage Cheat Sheet"): N = 2**15, r = 8, p = 3, which take 32 MiB.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from base64 import b64decode, b64encode
from typing import Final

SHORTEST: Final = 12
"""Characters of a new password at least."""

LONGEST: Final = 1024
"""Characters of a password at most, so that nobody has us hash a book."""

_N: Final = 2**15
_R: Final = 8
_P: Final = 3
_MEMORY: Final = 64 * 1024 * 1024
_SALT: Final = 16


def hash_password(password: str) -> str:
    """Return a hash that holds its own salt and parameters."""
    salt = secrets.token_bytes(_SALT)
    digest = _scrypt(password, salt, _N, _R, _P)
    return f"scrypt${_N}${_R}${_P}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def matches(kept: str | None, password: str) -> bool:
    """Return whether a hash is that of a password; with None do the same work and return False."""
    _, n, r, p, salt, digest = (kept or _NOBODYS).split("$")
    found = _scrypt(password, b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(found, b64decode(digest)) and kept is not None


def why_refused(password: str) -> str | None:
    """Return why a text cannot be a new password; None if it can."""
    if len(password) < SHORTEST:
        return f"a password has at least {SHORTEST} characters"
    return f"a password has at most {LONGEST} characters" if len(password) > LONGEST else None


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    text = unicodedata.normalize("NFC", password[:LONGEST]).encode(errors="surrogatepass")
    return hashlib.scrypt(text, salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=32)


_NOBODYS: Final = f"scrypt${_N}${_R}${_P}${b64encode(bytes(_SALT)).decode()}${b64encode(bytes(32)).decode()}"
"""A hash that no password has."""
