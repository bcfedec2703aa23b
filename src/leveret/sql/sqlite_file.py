"""The file of an SQLite database: made for its owner only, and checked whether it is still the one that was opened.

A process that has a file open goes on writing to it when it is moved, removed or replaced, and nobody would find that.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

from leveret.errors import StorageUnavailable

FileUse = Literal["make", "use", "look"]
"""Make the file if it does not exist; use an existing file only; or only read it and change nothing."""

_SIDE_FILES: Final = ("-wal", "-shm")
"""The write-ahead log and its index (SQLite, "WAL-mode File Format"); they have the file's mode."""

_OWNER_ONLY: Final = 0o600

SETTLED: Final = 2.0
"""Seconds since the last change of a folder after which its times reveal the next change, because the coarsest file
systems count in steps of that length."""

_Identity = tuple[int, int] | None


class WatchedFiles:
    """Files of one folder, and whether they are still those that they were at first.

    While nothing in the folder has changed, the folder's own times say so and the files are not asked: on Linux 6.13
    and later, asking for the times of a file makes its next ``fsync`` slower.

    Args:
        names: absolute paths of files in one folder.
        settled: see ``SETTLED``.
    """

    def __init__(self, names: Iterable[str], settled: float = SETTLED) -> None:
        self._identities = {name: _identity(name) for name in names}
        self._settled = settled
        self._folder = _folder(list(self._identities))
        self._quiet_since: tuple[int, ...] | None = None

    def changed(self) -> str | None:
        """Return the path of a file that is not the one it was; None when all of them are."""
        times = _times(self._folder) if self._folder else None
        if times is not None and times == self._quiet_since:
            return None
        for name, identity in self._identities.items():
            if _identity(name) != identity:
                return name
        # A change within the same tick of the file system's clock would leave the times as they are.
        old = times is not None and max(times[2:]) < (time.time() - self._settled) * 1e9
        self._quiet_since = times if old else None
        return None


class SqliteFile:
    """One file of one engine.

    Args:
        path: its path, which does not change when somebody changes the working folder.
        use: what opening it may do.
    """

    def __init__(self, path: Path, use: FileUse) -> None:
        self.path = path.absolute()
        self._use = use
        self._watched: WatchedFiles | None = None

    def open(self, **arguments: Any) -> FileConnection:
        """Open a connection.

        Raises:
            StorageUnavailable: the file is not the one that was opened before.
            sqlite3.Error: it cannot be opened.
        """
        if self._watched is not None:
            self.check()
        elif self._use == "make":
            with suppress(OSError):  # it is there, or SQLite will say why it cannot be
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY))
        connection = sqlite3.connect(f"{self.path.as_uri()}?mode=rw", uri=True, factory=FileConnection, **arguments)
        self._watched = self._watched or WatchedFiles([str(self.path)])
        return connection

    def check(self) -> None:
        """Check that the file is the one that was opened first.

        Raises:
            StorageUnavailable: it is not.
        """
        if self._watched is not None and self._watched.changed():
            raise StorageUnavailable(
                f"{self.path} was moved, removed or replaced while it was open: put it back, or start the worker again "
                "to use what is there now"
            )


class FileConnection(sqlite3.Connection):
    """A connection whose commit fails when it may have gone into files that nobody finds again."""

    _file: SqliteFile | None = None
    _watched: WatchedFiles | None = None

    def watch(self, file: SqliteFile) -> None:
        """Check from now on after each commit that the file and its side files are those that are open now."""
        side_files = [name for suffix in _SIDE_FILES if Path(name := f"{file.path}{suffix}").exists()]
        self._watched = WatchedFiles([str(file.path), *side_files])
        self._file = file

    def commit(self) -> None:
        """Commit.

        Raises:
            StorageUnavailable: what was committed may be gone, because a file was moved, removed or replaced.
        """
        super().commit()
        if self._file is None or self._watched is None or not (name := self._watched.changed()):
            return
        self._file.check()
        raise StorageUnavailable(f"{name} was moved, removed or replaced while it was open")


def obstacle(path: Path) -> str | None:
    """Say what keeps this user from using a file as a database; None where nothing of that kind is found.

    SQLite writes beside the file too, so its folder counts as well.
    """
    if path.is_dir():
        return "it is a folder"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if path.is_symlink() and not path.exists():
        return f"it is a link to {path.readlink()}, which is not there"
    if is_read_only_file(path) or (path.exists() and not _may(path, os.R_OK)):
        return "this user may not read and write it"
    if not _may(path.parent, os.W_OK | os.X_OK):
        return f"this user may not write in its folder {path.parent}"
    return None


def is_read_only_file(path: Path) -> bool:
    """Return whether a file is there to which this user may not write, or on which nobody can write."""
    return path.exists() and not _may(path, os.W_OK)


def _may(path: Path, how: int) -> bool:
    return os.access(path, how, effective_ids=os.access in os.supports_effective_ids)


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


def _folder(names: list[str]) -> str | None:
    """Return the folder of files, or None when one of them lies elsewhere, behind a symbolic link."""
    folder = os.path.dirname(names[0])  # noqa: PTH120 -- as text, for _times
    return None if any(os.path.islink(name) for name in names) else folder  # noqa: PTH114 -- of a text


def _times(folder: str) -> tuple[int, ...] | None:
    """Return which folder it is, and when its entries and it itself changed last, in nanoseconds."""
    try:
        found = os.stat(folder)  # noqa: PTH116 -- twice as fast, and here for each transaction
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns
