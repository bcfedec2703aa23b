"""Writes a new project from the files in the folder ``project``; it is there as a whole, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from leveret.cli.endings import WrongUse
from leveret.cli.naming import ProjectName

_DOT: Final = "dot-"
"""Stands before the name of a file that begins with a dot in a project, and would be passed over where it is."""


def write_project(name: ProjectName, folder: Path) -> list[str]:
    """Write a project into a folder that does not exist, or is empty.

    Returns:
        The files, by their paths in that folder, in the order in which a person lists them.

    Raises:
        WrongUse: there is something already, or the folder cannot be made or written; nothing was changed.
    """
    texts = project_files(name)
    try:
        is_there = _is_there(folder)
        with TemporaryDirectory(prefix=".new-", dir=folder if is_there else folder.parent) as place:
            made = Path(place, "made")
            for path, text in texts.items():
                (made / path).parent.mkdir(parents=True, exist_ok=True)
                (made / path).write_text(text, encoding="utf-8", newline="\n")
            if is_there:
                move_into(made, folder)
            else:
                made.rename(folder)
    except OSError as error:
        raise WrongUse(f"{folder} cannot be written: {error.strerror or error}. Nothing was made") from error
    return list(texts)


def project_files(name: ProjectName) -> dict[str, str]:
    """Return the texts of a project's files, by their paths in it."""
    found = {name.put_in(path): name.put_in(file.read_text(encoding="utf-8")) for path, file in _templates()}
    return dict(sorted(found.items(), key=lambda item: PurePosixPath(item[0]).parts))


def _templates() -> Iterator[tuple[str, Traversable]]:
    """Find the files of the template; what tools leave beside them is passed over."""
    waiting = [("", files("leveret.cli") / "project")]
    while waiting:
        path, found = waiting.pop()
        for below in found.iterdir():
            if below.name.startswith((".", "__pycache__")):
                continue
            name = path + (f".{below.name.removeprefix(_DOT)}" if below.name.startswith(_DOT) else below.name)
            if below.is_dir():
                waiting.append((f"{name}/", below))
            else:
                yield name, below


def _is_there(folder: Path) -> bool:
    """Return whether the folder is there, and empty.

    Raises:
        WrongUse: something else is there.
        OSError: it cannot be read.
    """
    if not os.path.lexists(folder):
        if not folder.parent.is_dir():
            raise WrongUse(f"there is no folder {folder.parent}, in which {folder.name} could be made")
        return False
    if not folder.is_dir():
        raise WrongUse(f"{folder} is there already, and is not a folder")
    if any(folder.iterdir()):
        raise WrongUse(f"{folder} is there already, and is not empty: choose another name, or another --folder")
    return True


def move_into(made: Path, folder: Path) -> None:
    """Move what was made into an empty folder: all of it, or nothing."""
    entries = sorted(made.iterdir())
    try:
        for entry in entries:
            entry.rename(folder / entry.name)
    except BaseException:
        for entry in entries:
            if not entry.exists():  # it was moved
                _remove(folder / entry.name)
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
