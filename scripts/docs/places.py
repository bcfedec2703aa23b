"""Where each file of the repository stands on the site."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LANGUAGES = {"en": DOCS, "ru": DOCS / "ru"}
"""The folder of each language's pages."""


@dataclass(frozen=True)
class Place:
    """A file among the sources of a language's site."""

    language: str
    path: str

    @property
    def page(self) -> str:
        """The path of what is made from this source, in the folder of all languages."""
        path = PurePosixPath(self.language, self.path)
        if path.suffix != ".md":
            return str(path)
        return str(path.with_name("index.html") if path.name == "README.md" else path.with_suffix(".html"))


def place_of(file: Path) -> Place:
    """Return where a file stands: pages under their language, other files of the repository under ``repository/``.

    A file that is neither Markdown nor of ``docs/`` is shown on a page of its own.
    """
    for language in ("ru", "en"):
        if file.is_relative_to(LANGUAGES[language]):
            return Place(language, file.relative_to(LANGUAGES[language]).as_posix())
    path = file.relative_to(ROOT).as_posix()
    return Place("en", f"repository/{path}" if file.suffix == ".md" else f"repository/{path}.md")


def link(source: Place, target: Place) -> str:
    """Return the link from one source to another; Zensical resolves it where both have the same language."""
    if source.language == target.language:
        return os.path.relpath(target.path, PurePosixPath(source.path).parent)
    return os.path.relpath(target.page, PurePosixPath(source.page).parent)
