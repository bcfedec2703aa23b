"""Hash and check passwords with Argon2id, two at a time, in threads; what would have to queue long is refused."""

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
"""Each takes 19 MiB and a core: more at a time would let logins crowd out everything else."""

MOST_WAITING: Final = 16
"""A fraction of a second's work. Whoever comes after these is refused, and holds nobody up."""

RETRY_AFTER: Final = 1.0
"""Seconds; by then all that waited now has been hashed."""


class Hasher(Protocol):
    """What makes and checks hashes, in threads: argon2's ``PasswordHasher``."""

    def hash(self, password: str, /) -> str:
        """Make a hash that holds its own salt and parameters."""
        ...

    def verify(self, kept: str, password: str, /) -> bool:
        """Check a password.

        Raises:
            argon2.exceptions.VerifyMismatchError: it is another one.
        """
        ...


class Passwords:
    """Argon2id with 19 MiB, 2 passes and 1 lane (OWASP, "Password Storage Cheat Sheet").

    Close it when the event loop that used it is done.

    Args:
        hasher: does the work; made here when not given.

    Attributes:
        nobodys_hash: what a password is compared with when there is no such user.
    """

    def __init__(self, hasher: Hasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(_PASSES, _KIBIBYTES, _LANES, type=Type.ID)
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="passwords")
        self._places = MOST_AT_ONCE + MOST_WAITING
        self.nobodys_hash = _hash_of_nothing()

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Take a place in the queue for hashing, for as long as the block lasts; take it before any other work.

        Raises:
            Overloaded: there is none left.
        """
        if not self._places:
            raise Overloaded("Too many logins and registrations at once", details={"retry_after": RETRY_AFTER})
        self._places -= 1
        try:
            yield Place(self)
        finally:
            self._places += 1

    async def run(self, function: Callable[[Hasher, str], T], password: str) -> T:
        """Have a thread call a function with the hasher, when its turn comes; for whoever has a place."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, self._hasher, password)

    def close(self) -> None:
        """End the threads; what runs is finished, what waits is cancelled."""
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
        """Make the text that is kept of a password, in NFC; it holds its own salt and parameters."""
        return await self._passwords.run(_hash, composed(password))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Say whether a password is the kept one; with None it does the same work and the answer is no.

        In NFC, because a keyboard of another system may compose the same letters otherwise (RFC 8265, section 4.2);
        then, for hashes that were made before that, as it was given.
        """
        compared = kept or self._passwords.nobodys_hash
        matches = await self._passwords.run(lambda hasher, given: _matches(hasher, compared, given), password)
        return matches and kept is not None


def _hash_of_nothing() -> str:
    """Write down a salt and a digest by chance: nobody finds its password, and to compare with it is the same work."""
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
