"""A new project is written as a whole, or not at all."""

import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from leveret.cli.ending.endings import WrongUse
from leveret.cli.new.naming import project_name
from leveret.cli.new.writing import move_into, project_files, write_project

SHOP = project_name("my-shop")

FILES = [
    ".dockerignore",
    ".gitignore",
    "Dockerfile",
    "README.md",
    "deploy/my-shop.env.example",
    "deploy/my-shop.service",
    "my_shop/__init__.py",
    "my_shop/guests.py",
    "my_shop/invitations.py",
    "my_shop/settings.py",
    "my_shop/tables.py",
    "my_shop/webhook.py",
    "pyproject.toml",
    "tests/test_guests.py",
    "tests/test_invitations.py",
]

FILE_LIMIT = 1500
"""Bytes; some files of a project are smaller, and some are larger."""


def contents(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_project_is_written_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    made = write_project(SHOP, tmp_path / "my-shop")
    assert made == FILES
    assert contents(tmp_path / "my-shop") == FILES
    assert names(tmp_path) == ["my-shop"]


def test_a_project_is_written_into_a_folder_that_is_empty_and_stays_the_same_one(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir(0o750)
    before = folder.stat()
    write_project(SHOP, folder)
    assert contents(folder) == FILES
    assert (folder.stat().st_ino, folder.stat().st_mode) == (before.st_ino, before.st_mode)


def test_others_may_read_a_project_as_whatever_else_somebody_makes(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    write_project(SHOP, tmp_path / "my-shop")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "my-shop")]
    assert modes[0] == modes[1]


def test_no_file_holds_the_name_of_the_template() -> None:
    for path, text in project_files(SHOP).items():
        assert "project" + "_name" not in (path + text).lower(), path
        assert "project" + "-name" not in (path + text).lower(), path


def test_what_tools_leave_beside_the_template_is_not_a_part_of_a_project(tmp_path: Path) -> None:
    for path in ("pyproject.toml", "project_name/a.py", "project_name/__pycache__/a.pyc", ".ruff_cache/x", ".left"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"x" if path.endswith((".toml", ".py")) else b"\xff")
    assert list(project_files(SHOP, tmp_path)) == ["my_shop/a.py", "pyproject.toml"]


@pytest.mark.parametrize("name", ["file", "full", "dangling"])
def test_what_is_there_already_is_refused_and_not_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "dangling").symlink_to("nowhere")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(WrongUse, match=f"{name} is there already, and is not"):
        write_project(SHOP, tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_of_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"there is no folder .*missing, in which my-shop could be made"):
        write_project(SHOP, tmp_path / "missing" / "my-shop")
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["my-shop", "empty"])
def test_where_a_file_cannot_be_written_nothing_is_made(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    sizes = [len(text.encode()) for text in project_files(SHOP).values()]
    assert min(sizes) < FILE_LIMIT < max(sizes)
    with (
        file_limit(FILE_LIMIT),
        pytest.raises(WrongUse, match=f"{name} cannot be written: File too large. Nothing was"),
    ):
        write_project(SHOP, tmp_path / name)
    assert names(tmp_path) == ["empty"]
    assert names(tmp_path / "empty") == []


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """Let no file of this process become larger, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_folder_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"x cannot be written: File name too long\. Nothing was made$"):
        write_project(SHOP, tmp_path / ("x" * 300))
    assert names(tmp_path) == []


def test_a_file_that_somebody_makes_meanwhile_is_not_touched(tmp_path: Path) -> None:
    made, folder = tmp_path / "made", tmp_path / "folder"
    for path in (made / "a", made / "b", made / "c", folder / "b" / "theirs"):
        path.mkdir(parents=True)
    with pytest.raises(OSError, match="not empty"):
        move_into(made, folder)
    assert sorted(path.name for path in folder.rglob("*")) == ["b", "theirs"]
