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

from leveret.cli.ending.endings import WrongUse
from leveret.cli.new.naming import ProjectName

_DOT: Final = "dot-"
"""Stands before the name of a file that begins with a dot in a project, and would be passed over where it is."""

TEMPLATE: Final = files("leveret.cli.new") / "project"
"""The folder of a project whose name is ``project-name``."""


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


def project_files(name: ProjectName, template: Traversable = TEMPLATE) -> dict[str, str]:
    """Return the texts of a project's files, by their paths in it.

    Args:
        name: the project's name.
        template: the folder with the files; what tools leave there is passed over.
    """
    texts = {path: file.read_text(encoding="utf-8") for path, file in _files(template)}
    found = {name.put_in(path): name.put_in(text) for path, text in texts.items()}
    return dict(sorted(found.items(), key=lambda item: PurePosixPath(item[0]).parts))


def _files(folder: Traversable, path: str = "") -> Iterator[tuple[str, Traversable]]:
    """Find the files in a folder; return each with its path in a project."""
    for found in folder.iterdir():
        if found.name.startswith((".", "__pycache__")):
            continue
        name = f".{found.name.removeprefix(_DOT)}" if found.name.startswith(_DOT) else found.name
        if found.is_dir():
            yield from _files(found, f"{path}{name}/")
        else:
            yield f"{path}{name}", found


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
