"""Hash and check passwords with Argon2id, two at a time, in threads."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Self

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError

MOST_AT_ONCE: Final = 2
"""Each takes 19 MiB and a core: more at a time would let logins crowd out everything else."""


class Passwords:
    """Argon2id with 19 MiB, 2 passes and 1 lane (OWASP, "Password Storage Cheat Sheet").

    Attributes:
        nobodys_hash: what a password is compared with when there is no such user.

    Close it when the event loop that used it is done.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="passwords")
        self.nobodys_hash = self._hasher.hash(secrets.token_hex(16))

    async def hash(self, password: str) -> str:
        """Make the text that is kept of a password; it holds its own salt and parameters."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._hasher.hash, password)

    async def verify(self, kept: str | None, password: str) -> bool:
        """Say whether a password is the kept one; with None it takes as long and the answer is no."""
        loop = asyncio.get_running_loop()
        matches = await loop.run_in_executor(self._pool, self._matches, kept or self.nobodys_hash, password)
        return matches and kept is not None

    def close(self) -> None:
        """End the threads; what runs is finished, what waits is cancelled."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except VerifyMismatchError:
            return False
