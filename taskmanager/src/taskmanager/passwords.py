"""Hashes and checks passwords with Argon2id, two at a time, in threads; refuses further ones when too many wait."""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, Protocol, Self, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError
from argon2.low_level import ARGON2_VERSION

from leveret.errors import Overloaded
from taskmanager.domain.rules import composed

T = TypeVar("T")

_PASSES: Final = 2
_KIBIBYTES: Final = 19 * 1024
_LANES: Final = 1

MOST_AT_ONCE: Final = 2
"""Hashes at a time. Each takes 19 MiB and a core; with more at a time, logins would slow down all other requests."""

MOST_WAITING: Final = 16
"""Hashes that may wait, which is less than a second's work. Further ones are refused, so that nobody waits for them."""

RETRY_AFTER: Final = 1.0
"""Seconds after which a refused caller should try again; by then every hash that waits now is done."""


class Hasher(Protocol):
    """Makes and checks hashes, and can be called from several threads: argon2's ``PasswordHasher``."""

    def hash(self, password: str, /) -> str:
        """Return a hash that holds its own salt and parameters."""
        ...

    def verify(self, kept: str, password: str, /) -> bool:
        """Return True if the hash is that of the password.

        Raises:
            argon2.exceptions.VerifyMismatchError: it is not.
        """
        ...


class Passwords:
    """Argon2id with 19 MiB, 2 passes and 1 lane (OWASP, "Password Storage Cheat Sheet").

    Close it after the event loop that used it has ended.

    Args:
        hasher: makes and checks the hashes; by default a new one.

    Attributes:
        nobodys_hash: the hash that a password is compared with when there is no such user.
    """

    def __init__(self, hasher: Hasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(_PASSES, _KIBIBYTES, _LANES, type=Type.ID)
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="passwords")
        self._places = MOST_AT_ONCE + MOST_WAITING
        self.nobodys_hash = _hash_of_nothing()

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Take a place in the queue for hashing while the block runs; an action takes it before any other work.

        Raises:
            Overloaded: no place is left.
        """
        if not self._places:
            raise Overloaded("Too many logins and registrations at once", details={"retry_after": RETRY_AFTER})
        self._places -= 1
        try:
            yield Place(self)
        finally:
            self._places += 1

    async def run(self, function: Callable[[Hasher, str], T], password: str) -> T:
        """Call a function with the hasher and the password in a thread; only for a caller who has a place."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, self._hasher, password)

    def close(self) -> None:
        """End the threads: hashes that run are finished, and those that wait are cancelled."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Place:
    """A place in the queue for hashing."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords

    async def hash(self, password: str) -> str:
        """Return the hash of a password in NFC; the hash holds its own salt and parameters."""
        return await self._passwords.run(_hash, composed(password))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Return whether a stored hash is that of a password; with None, do the same work and return False.

        The password is compared in NFC, because systems compose the same letters differently (RFC 8265, section 4.2).
        Then it is compared unchanged, because hashes of earlier versions were made without NFC.
        """
        compared = kept or self._passwords.nobodys_hash
        matches = await self._passwords.run(lambda hasher, given: _matches(hasher, compared, given), password)
        return matches and kept is not None


def _hash_of_nothing() -> str:
    """Return a hash of random salt and digest: no password fits it, and comparing with it takes the usual work."""
    salt, digest = (b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (16, 32))
    return f"$argon2id$v={ARGON2_VERSION}$m={_KIBIBYTES},t={_PASSES},p={_LANES}${salt}${digest}"


def _hash(hasher: Hasher, password: str) -> str:
    return hasher.hash(password)


def _matches(hasher: Hasher, kept: str, password: str) -> bool:
    return any(_is_kept(hasher, kept, form) for form in dict.fromkeys((composed(password), password)))


def _is_kept(hasher: Hasher, kept: str, password: str) -> bool:
    try:
        return hasher.verify(kept, password)
    except VerifyMismatchError:
        return False
