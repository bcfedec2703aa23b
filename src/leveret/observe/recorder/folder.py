"""The folder of recordings: where it is, whether it is ours, and which files are removed."""

from __future__ import annotations

import getpass
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from leveret.observe.recorder.record_format import HEADER_SIZE, RecordingHeader, decode_header
from leveret.process.file_lock import FileLock, is_held

SUFFIX: Final = ".recording"
LOCK_SUFFIX: Final = ".lock"

MOST_ENDED: Final = 8
MOST_DIED: Final = 32
"""Recordings that stay of each application: of processes that have ended in good order, and of those that died."""

OLDEST: Final = 7 * 24 * 3600.0
"""Seconds after which the recording of a process that is gone is removed."""

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the folder that is made in it belongs to one user


class RecordingFile(Struct, frozen=True):
    """A recording, as the folder shows it.

    Attributes:
        path: its file.
        header: what stands at its beginning.
        alive: whether its process lives.
        written: when its file was last changed, POSIX seconds; writing into memory need not change that.
    """

    path: Path
    header: RecordingHeader
    alive: bool
    written: float


def default_folder() -> Path:
    """Return the folder of this user's recordings: in shared memory on Linux, otherwise among temporary files."""
    parent = _MEMORY if _MEMORY.is_dir() else Path(tempfile.gettempdir())
    return parent / f"leveret-recorder-{getpass.getuser() if os.name == 'nt' else os.getuid()}"


def own_folder(folder: Path) -> Path:
    """Make the folder if it is missing, and return it.

    Raises:
        OSError: it cannot be made, or see `check_folder`.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_folder(folder)
    return folder


def check_folder(folder: Path) -> None:
    """Look whether a folder is only this user's.

    Raises:
        OSError: it is a link, or belongs to or is open to somebody else, who could read or replace what is written
            there.
    """
    found = folder.lstat()
    strange = not stat.S_ISDIR(found.st_mode) or (
        os.name != "nt" and (found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077)
    )
    if strange:
        raise PermissionError(f"{folder} is not a folder that only this user may use: remove it, or chmod 700")


def lock_of(recording: Path) -> FileLock:
    """Return the lock that a process holds as long as it writes a recording."""
    return FileLock(recording.with_suffix(LOCK_SUFFIX))


def files_of(folder: Path, application: str | None = None) -> Iterator[RecordingFile]:
    """Return the recordings in a folder, of one application or of all; files that are something else are left out.

    Raises:
        OSError: the folder cannot be read; one that does not exist has no recordings.
    """
    for path in sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else ():
        with suppress(FileNotFoundError):  # another process removes it just now
            if not path.is_file():
                continue
            with path.open("rb") as file:
                header = decode_header(file.read(HEADER_SIZE))
            if header is not None and application in (None, header.application):
                yield RecordingFile(path, header, is_held(path.with_suffix(LOCK_SUFFIX)), path.stat().st_mtime)


def clean_up(folder: Path, application: str, now: float | None = None) -> None:
    """Remove old recordings of an application: of processes that are gone, those that are too many or too old.

    The newest recordings of processes that died stay longest, because somebody may want to read them.
    """
    gone = sorted((each for each in files_of(folder, application) if not each.alive), key=_last)
    ended, died = [each for each in gone if each.header.closed], [each for each in gone if not each.header.closed]
    until = (time.time() if now is None else now) - OLDEST
    for kept, most in ((ended, MOST_ENDED), (died, MOST_DIED)):
        for each in [each for at, each in enumerate(kept) if at < len(kept) - most or _last(each) < until]:
            each.path.unlink(missing_ok=True)
            each.path.with_suffix(LOCK_SUFFIX).unlink(missing_ok=True)


def _last(recording: RecordingFile) -> float:
    return max(recording.header.started, recording.header.closed, recording.written)
