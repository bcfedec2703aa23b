"""The SQLite file: its journal, its file system, who may use it, and room on its disk."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Final

from leveret.operate.doctor.finding import Finding, Findings, ok, unknown, warning, wrong
from leveret.operate.doctor.installation import Installation
from leveret.sql.sqlite_file import obstacle, others_may_read

LITTLE: Final = 200 * 1024 * 1024
"""Bytes on the disk below which there is little room."""

_NETWORK: Final = (
    "nfs",
    "cifs",
    "smb",
    "9p",
    "afs",
    "ceph",
    "glusterfs",
    "fuse.sshfs",
    "fuse.s3fs",
    "lustre",
    "vboxsf",
)
"""Beginnings of the names of file systems that other machines may use at the same time."""

_MOUNTS: Final = Path("/proc/self/mounts")


def journal(installation: Installation) -> Findings:
    """Report a file without a write-ahead log; the file is only read."""
    path = _path(installation)
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)
    try:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    except sqlite3.Error as error:
        return [wrong(f"{path} cannot be read: {error}", "Put a backup in its place; keep the file.")]
    finally:
        connection.close()
    if mode != "wal":
        return [
            warning(f"the journal of {path} is {mode!r} and not 'wal'", "The next worker that starts changes that.")
        ]
    return [ok(f"{path} has a write-ahead log")]


def rights(installation: Installation) -> Findings:
    """Report what keeps this user from using the file, and whether others may read it."""
    path = _path(installation)
    where = path.absolute()
    if hindered := obstacle(where):
        return [wrong(f"{where} cannot be used: {hindered}", "Run this as the workers' user, or correct the rights.")]
    if others_may_read(where):
        return [warning(f"everybody on this machine may read {where}", f"`chmod 600 {where}`.")]
    return [ok(f"{where} may be used by us and not by everybody")]


def file_system(installation: Installation) -> Findings:
    """Report a file system on which SQLite's log does not work (SQLite, "Write-Ahead Logging"), and little room."""
    path = _path(installation)
    folder = path.absolute().parent
    kind = kind_of(folder.resolve(), _MOUNTS.read_text()) if sys.platform == "linux" else None
    return [_judge(kind), _room(folder)]


def _path(installation: Installation) -> Path:
    return installation.settings.sqlite_file or Path()


def kind_of(folder: Path, mounts: str) -> str | None:
    """Return the kind of the file system that holds a folder.

    Args:
        folder: its path, without links.
        mounts: the table of mounts, as Linux shows it (proc_mounts(5)); blanks are written ``\\040``.
    """
    found: tuple[int, str] | None = None
    for line in mounts.splitlines():
        words = line.split()
        if len(words) < 3:
            continue
        place = Path(words[1].replace("\\040", " "))
        if folder.is_relative_to(place) and (found is None or len(place.parts) >= found[0]):
            found = len(place.parts), words[2]
    return found[1] if found else None


def _judge(kind: str | None) -> Finding:
    if kind is None:
        return unknown("nobody says on which kind of file system the file is", "It must not be one of a network.")
    if kind.startswith(_NETWORK):
        text = f"the file is on {kind}: SQLite's log does not work where several machines share files"
        return wrong(text, "Put it on a disk of this machine, or use PostgreSQL.")
    return ok(f"the file system is {kind}")


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    text = f"{free / 1024**3:.1f} GiB are free on its disk"
    return ok(text) if free > LITTLE else warning(text, "Make room: a worker stops taking requests on a full disk.")
