"""The revisions of an Alembic folder, read from its files without Alembic, which is large and slow to import."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from leveret.errors import SettingsError
from leveret.sql.schema.application import Names

_NAMES: Final = ("revision", "down_revision")
_SHOWN: Final = 6
"""So many revisions are listed in a text; of more, it tells their number."""


class Revisions(Struct, frozen=True):
    """The revisions of one folder.

    Attributes:
        known: all of them, oldest first.
        head: the newest one; None where there is none at all.
    """

    known: tuple[str, ...]
    head: str | None

    def __str__(self) -> str:
        if len(self.known) > _SHOWN:
            return f"{len(self.known)} others, of which {self.head} is the newest"
        return ", ".join(self.known) or "none"


def read_folder(folder: Path, names: Names | None = None) -> Revisions:
    """Read which revisions an Alembic folder has.

    Args:
        folder: the folder.
        names: for the text that says which command makes one; None where no command is known.

    Raises:
        SettingsError: there is no such folder, its files cannot be read, or they do not lead to one revision.
    """
    if not (folder / "env.py").is_file():
        hint = "" if names is None else f"; `{names.revise}` makes one"
        raise SettingsError([f"{folder}: there is no env.py, so it is not an Alembic folder{hint}"])
    links: list[tuple[str, tuple[str, ...]]] = []
    for file in _files(folder / "versions"):
        found = _link(file)
        if found is None:
            from leveret.sql.schema.scripts import read_links  # noqa: PLC0415 - Alembic, for what only it can read

            links = read_links(folder)
            break
        links.append(found)
    return _in_order(folder, links)


def _files(versions: Path) -> list[Path]:
    """Return the files that Alembic reads too."""
    return sorted(file for file in versions.glob("*.py") if not file.name.startswith(("__init__", ".#")))


def _link(file: Path) -> tuple[str, tuple[str, ...]] | None:
    """Return the revision of a file and what it follows; None where only Alembic can tell."""
    source = file.read_bytes()
    for part in (source.partition(b"\ndef ")[0], source):  # the names stand before the functions, which may be long
        try:
            values = _values(ast.parse(part))
        except (SyntaxError, ValueError):
            continue
        revision, down = values.get("revision"), values.get("down_revision", 0)
        downs = () if down is None else (down,) if isinstance(down, str) else down
        if isinstance(revision, str) and isinstance(downs, Sequence) and all(isinstance(one, str) for one in downs):
            return revision, tuple(downs)
    return None


def _values(tree: ast.Module) -> Mapping[str, object]:
    """Return what is assigned to Alembic's names, with or without an annotation."""
    values: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name) and target.id in _NAMES]
            values.update((name, ast.literal_eval(node.value)) for name in names)
    return values


def _in_order(folder: Path, links: Sequence[tuple[str, tuple[str, ...]]]) -> Revisions:
    """Check that all revisions lead to one, and bring them into an order."""
    follows = dict(links)
    if twice := [revision for revision, count in Counter(revision for revision, _ in links).items() if count > 1]:
        raise SettingsError([f"{folder}: two files have the revision {twice[0]}"])
    for revision, downs in links:
        if unknown := [down for down in downs if down not in follows]:
            raise SettingsError([f"{folder}: {revision} follows {unknown[0]}, and no file has that revision"])
    followed = {down for _, downs in links for down in downs}
    heads = [revision for revision in follows if revision not in followed]
    if len(heads) > 1:
        found = f"{folder}: there are {len(heads)} newest revisions, {' and '.join(heads)}"
        raise SettingsError([f"{found}: let one follow the other, or merge them (alembic merge heads)"])
    known = _before(follows)
    if len(known) < len(follows):
        raise SettingsError([f"{folder}: its revisions follow each other in a circle"])
    return Revisions(known, heads[0] if heads else None)


def _before(follows: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the revisions, each after those that it follows; those of a circle are left out."""
    ordered: dict[str, None] = {}
    while ready := [name for name, downs in follows.items() if name not in ordered and ordered.keys() >= set(downs)]:
        ordered.update(dict.fromkeys(ready))
    return tuple(ordered)
