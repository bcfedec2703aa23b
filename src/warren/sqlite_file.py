"""The file of an SQLite database: made for its owner only, and looked at whether it is still the one that was opened.

A process that has a file open goes on writing to it when it is moved, removed or replaced, and nobody ever finds that.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

from warren.errors import StorageUnavailable

FileUse = Literal["make", "use", "look"]
"""Make the file if there is none; use only what there is; or look at that and leave it as it is."""

_SIDE_FILES: Final = ("-wal", "-shm")
"""The write-ahead log and its index (SQLite, "WAL-mode File Format"); they have the file's mode."""

_OWNER_ONLY: Final = 0o600

_Identity = tuple[int, int] | None


class SqliteFile:
    """One file of one engine.

    Args:
        path: its path, which does not change when somebody changes the working folder.
        use: what opening it may do.
    """

    def __init__(self, path: Path, use: FileUse) -> None:
        self.path = path.absolute()
        self._use = use
        self._identity: _Identity = None
        self._name = str(self.path)

    def open(self, **arguments: Any) -> FileConnection:
        """Open a connection.

        Raises:
            StorageUnavailable: the file is not the one that was opened before.
            sqlite3.Error: it cannot be opened.
        """
        if self._identity is not None:
            self.check()
        elif self._use == "make":
            with suppress(OSError):  # it is there, or SQLite will say why it cannot be
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY))
        connection = sqlite3.connect(f"{self.path.as_uri()}?mode=rw", uri=True, factory=FileConnection, **arguments)
        self._identity = self._identity or _identity(self._name)
        return connection

    def check(self) -> None:
        """Look whether the file is the one that was opened first.

        Raises:
            StorageUnavailable: it is not.
        """
        if _identity(self._name) != self._identity:
            raise StorageUnavailable(
                f"{self.path} was moved, removed or replaced while it was open: put it back, or start the worker again "
                "to use what is there now"
            )


class FileConnection(sqlite3.Connection):
    """A connection whose commit fails when it may have gone into files that nobody finds again."""

    _file: SqliteFile | None = None
    _side_files: tuple[tuple[str, _Identity], ...] = ()

    def watch(self, file: SqliteFile) -> None:
        """Look from now on after each commit whether the file and its side files are those that are open now."""
        names = [f"{file.path}{suffix}" for suffix in _SIDE_FILES]
        self._side_files = tuple((name, found) for name in names if (found := _identity(name)))
        self._file = file

    def commit(self) -> None:
        """Commit.

        Raises:
            StorageUnavailable: what was committed may be gone, because a file was moved, removed or replaced.
        """
        super().commit()
        if self._file is None:
            return
        self._file.check()
        for name, identity in self._side_files:
            if _identity(name) != identity:
                raise StorageUnavailable(f"{name} was moved, removed or replaced while it was open")


def others_may_read(path: Path) -> bool:
    """Return whether a file is there that users besides its owner and group may read; on Windows nobody can tell."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & 0o004)
    except OSError:
        return False


def _identity(name: str) -> _Identity:
    try:
        found = os.stat(name)  # noqa: PTH116 -- twice as fast, and here for each transaction
    except OSError:
        return None
    return found.st_dev, found.st_ino
