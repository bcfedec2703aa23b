"""A file with keys, read again when it changes: keys are rotated without a stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from leveret.auth.keys import KeySet, KeySetError, read_key_set

logger: Final = logging.getLogger("leveret.keys")

_LARGEST: Final = 1024 * 1024
_END: Final = 2.0
"""Seconds that the end waits for a look that is under way."""


class KeyFile:
    """A JWK Set in a file.

    Replace the file by renaming a complete one onto it; one that is read half written is an error in the log and is
    read again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: bytes | None = None
        self._trouble = ""
        self._passed_over: frozenset[str] = frozenset()

    def read(self) -> KeySet:
        """Read the keys.

        Raises:
            KeySetError: the file cannot be read, or holds something else; the text names the file.
        """
        return self._parse(self._bytes())

    def look(self, use: Callable[[KeySet], None]) -> None:
        """Hand the keys on if the file is another one than at the last look.

        A file that cannot be used changes nothing; an error in the log says why, once for each reason. Of keys that are
        passed over a warning tells, once for as long as they stand there.
        """
        try:
            found = self._bytes()
            if found == self._seen:
                return
            keys = self._parse(found)
        except KeySetError as error:
            if str(error) != self._trouble:
                logger.error("keys stay as they were: %s", error)  # noqa: TRY400 -- the operator's mistake, not ours
            self._trouble, self._seen = str(error), None
            return
        self._seen, self._trouble = found, ""
        use(keys)
        logger.info("keys of %s: %s", self._path, keys.summary())
        for reason in keys.passed_over:
            if reason not in self._passed_over:
                logger.warning("keys of %s: passed over: %s", self._path, reason)
        self._passed_over = frozenset(keys.passed_over)

    @contextmanager
    def followed(self, use: Callable[[KeySet], None], *, every: timedelta = timedelta(seconds=2)) -> Iterator[None]:
        """Look now and again, in a thread of its own: reading keys takes milliseconds, and a disk may hang.

        Args:
            use: is called in that thread.
            every: the pause between two looks.
        """
        ended = threading.Event()
        thread = threading.Thread(target=self._follow, args=(use, every, ended), name="keys", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(_END)

    def _follow(self, use: Callable[[KeySet], None], every: timedelta, ended: threading.Event) -> None:
        while not ended.is_set():
            try:
                self.look(use)
            except Exception:
                logger.exception("looking at %s failed; the next look comes all the same", self._path)
            ended.wait(every.total_seconds())

    def _bytes(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                found = file.read(_LARGEST + 1)
        except OSError as error:
            raise KeySetError(f"{self._path} cannot be read: {error.strerror or error}") from error
        if len(found) > _LARGEST:
            raise KeySetError(f"{self._path} has more than {_LARGEST} bytes: it cannot be a set of keys")
        return found

    def _parse(self, document: bytes) -> KeySet:
        try:
            return read_key_set(document)
        except KeySetError as error:
            raise KeySetError(f"{self._path}: {error}") from error
