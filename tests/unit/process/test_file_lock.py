"""A file that one process at a time can hold."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from leveret.process.file_lock import FileLock, is_held

HOLD = """
import sys
from pathlib import Path
from leveret.process.file_lock import FileLock, is_held
print(FileLock(Path(sys.argv[1])).acquire(), flush=True)
sys.stdin.read()
"""


def test_a_lock_is_held_by_one_and_can_be_taken_when_it_is_given_back(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.acquire()
    assert first.acquire()
    assert not second.acquire()
    assert second.holder() == os.getpid()
    first.release()
    first.release()
    assert second.acquire()
    second.release()


def test_the_system_gives_the_lock_of_a_killed_process_back(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    lock = FileLock(tmp_path / "lock")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert not lock.acquire()
        assert lock.holder() == holder.pid
        holder.kill()
    assert lock.acquire()
    assert lock.holder() == os.getpid()
    lock.release()


def test_a_program_that_the_holder_starts_does_not_inherit_the_lock(tmp_path: Path) -> None:
    lock, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert lock.acquire()
    command = [sys.executable, "-c", "import sys; print('runs', flush=True); sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False) as child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == b"runs"
        lock.release()
        assert other.acquire()
        other.release()
        child.kill()


def test_without_a_number_in_the_file_nobody_is_named(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    assert lock.holder() is None
    (tmp_path / "lock").write_text("what is this")
    assert lock.holder() is None


def test_whether_a_lock_is_held_can_be_asked_by_many_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    assert not path.exists()
    lock = FileLock(path)
    assert lock.acquire()
    assert is_held(path)
    assert lock.holder() == os.getpid()
    lock.release()
    assert not is_held(path)
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_SH)  # somebody else asks at this moment
        assert not is_held(path)
