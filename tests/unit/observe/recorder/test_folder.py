"""Which recordings stay: bounded in number and age, those of processes that died longer than others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from leveret.observe.recorder import read_recordings
from leveret.observe.recorder.folder import MOST_DIED, MOST_ENDED, OLDEST, check_folder, clean_up, files_of
from leveret.observe.recorder.record_format import RecordingHeader, encode_header
from leveret.process.file_lock import FileLock

NOW = 1_800_000_000.0


def recording(folder: Path, name: str, *, started: float, closed: float = 0.0, application: str = "guestbook") -> None:
    path = folder / f"{name}.recording"
    path.write_bytes(encode_header(RecordingHeader(1, 0, started, closed, application, name)))
    path.with_suffix(".lock").touch()
    os.utime(path, (started, started))


def names(folder: Path) -> set[str]:
    return {each.header.worker for each in files_of(folder)}


def test_the_newest_stay_and_those_that_died_are_not_pushed_out_by_the_others(tmp_path: Path) -> None:
    for number in range(MOST_DIED + 3):
        recording(tmp_path, f"died-{number}", started=NOW - 1000 + number)
    for number in range(MOST_ENDED + 3):
        recording(tmp_path, f"ended-{number}", started=NOW - 100 + number, closed=NOW - 50 + number)
    clean_up(tmp_path, "guestbook", NOW)
    died = {f"died-{number}" for number in range(3, MOST_DIED + 3)}
    assert names(tmp_path) == died | {f"ended-{number}" for number in range(3, MOST_ENDED + 3)}
    assert len(list(tmp_path.iterdir())) == 2 * (MOST_DIED + MOST_ENDED)


def test_what_is_old_goes_and_what_is_in_use_or_another_applications_stays(tmp_path: Path) -> None:
    long_ago = NOW - OLDEST - 60
    recording(tmp_path, "old", started=long_ago)
    recording(tmp_path, "held", started=long_ago)
    recording(tmp_path, "other", started=long_ago, application="shop")
    lock = FileLock(tmp_path / "held.lock")
    assert lock.acquire()
    clean_up(tmp_path, "guestbook", NOW)
    assert names(tmp_path) == {"held", "other"}
    lock.release()


@pytest.mark.parametrize("content", [b"", b"something else", b"x" * 5000])
def test_other_files_are_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.recording").write_bytes(content)
    clean_up(tmp_path, "guestbook", NOW)
    assert not list(files_of(tmp_path))
    assert (tmp_path / "a.recording").exists()


def test_a_folder_that_does_not_exist_has_no_recordings(tmp_path: Path) -> None:
    assert not list(files_of(tmp_path / "missing"))


@pytest.mark.skipif(os.name == "nt", reason="there is no such file on Windows")
def test_a_pipe_that_passes_for_a_recording_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.recording")
    recording(tmp_path, "b", started=NOW)
    assert names(tmp_path) == {"b"}


def test_a_header_that_names_more_records_than_there_are_is_read_to_the_end_of_the_file(tmp_path: Path) -> None:
    header = encode_header(RecordingHeader(1, 2**32 - 1, NOW, 0.0, "guestbook", "b"))
    (tmp_path / "b.recording").write_bytes(header)
    (found,) = read_recordings("guestbook", folder=tmp_path)
    assert (found.requests, found.torn) == ((), 0)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_folder_is_ours_only_if_nobody_else_may_use_it(tmp_path: Path) -> None:
    folder, link = tmp_path / "ours", tmp_path / "link"
    folder.mkdir(0o700)
    link.symlink_to(folder)
    check_folder(folder)
    for strange in (link, tmp_path):
        tmp_path.chmod(0o755)
        with pytest.raises(PermissionError, match="only this user may use"):
            check_folder(strange)
