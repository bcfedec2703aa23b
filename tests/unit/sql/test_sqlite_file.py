"""Files that are open are found to be moved, removed or replaced, also while their folder says that nothing changed."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from leveret.sql.sqlite_file import WatchedFiles
from testbed.waiting import wait_until

SETTLED = 0.05


def move(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))


def remove(file: Path) -> None:
    file.unlink()


def replace(file: Path) -> None:
    shutil.copy(file, file.with_name("copy"))
    file.with_name("copy").rename(file)


def move_the_folder(file: Path) -> None:
    file.parent.rename(file.parent.with_name("another folder"))


def replace_the_folder(file: Path) -> None:
    move_the_folder(file)
    shutil.copytree(file.parent.with_name("another folder"), file.parent)


HAPPENINGS = [move, remove, replace, move_the_folder, replace_the_folder]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "home" / "tasks.db"
    file.parent.mkdir()
    file.write_text("tasks")
    file.with_name("tasks.db-wal").touch()
    return file


def settle(folder: Path) -> None:
    wait_until(lambda: time.time() - folder.stat().st_ctime > 2 * SETTLED, "a folder whose last change is old")


@pytest.mark.parametrize("happen", HAPPENINGS)
@pytest.mark.parametrize("quiet", [False, True])
def test_a_file_that_is_another_one_is_named(file: Path, quiet: bool, happen: Callable[[Path], None]) -> None:
    wal = file.with_name("tasks.db-wal")
    watched = WatchedFiles([str(wal), str(file)], SETTLED if quiet else 3600)
    if quiet:
        settle(file.parent)
    assert [watched.changed(), watched.changed()] == [None, None]
    happen(file)
    named = str(wal) if happen in {move_the_folder, replace_the_folder} else str(file)
    assert [watched.changed(), watched.changed()] == [named, named]


def test_other_files_of_the_folder_may_come_and_go(file: Path) -> None:
    watched = WatchedFiles([str(file)], SETTLED)
    for step in (settle, lambda folder: (folder / "other").touch(), settle, lambda folder: (folder / "other").unlink()):
        step(file.parent)
        assert watched.changed() is None
    remove(file)
    assert watched.changed() == str(file)


def test_a_file_behind_a_link_is_looked_at_although_the_folder_of_the_link_rests(file: Path) -> None:
    link = file.parent.with_name("link.db")
    link.symlink_to(file)
    watched = WatchedFiles([str(link)], SETTLED)
    settle(link.parent)
    assert watched.changed() is None
    replace(file)
    assert watched.changed() == str(link)
