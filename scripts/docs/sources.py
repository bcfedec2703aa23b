"""The sources of the site: the pages of `docs/`, and what they link to elsewhere in the repository."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from scripts.docs.checking import BuildFailed
from scripts.docs.places import DOCS, LANGUAGES, ROOT, link, place_of

ASSETS = Path(__file__).with_name("assets")
LINK = re.compile(r"(\[[^\]]*\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
FENCE = re.compile(r"^(```.*?^```$)", re.MULTILINE | re.DOTALL)
CODE = {".py": "python", ".yml": "yaml", ".json": "json", ".toml": "toml"}


def write_sources(folder: Path) -> None:
    """Write the sources of all languages into a folder, anew."""
    shutil.rmtree(folder, ignore_errors=True)
    for file in _all_files():
        place = place_of(file)
        target = folder / place.language / place.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".md":
            target.write_text(_relinked(file), encoding="utf-8")
        elif file.is_relative_to(DOCS):
            shutil.copyfile(file, target)
        else:
            target.write_text(_shown(file), encoding="utf-8")
    for language in LANGUAGES:
        shutil.copytree(ASSETS, folder / language / "site")


def links_of(page: Path) -> Iterator[Path]:
    """Yield the files of the repository to which a page links, pictures too."""
    for part in FENCE.split(page.read_text(encoding="utf-8"))[::2]:
        for _, path, _ in LINK.findall(part):
            if "://" not in path:
                yield (page.parent / path).resolve()


def _all_files() -> list[Path]:
    """Return all files in `docs/`, and those that can be reached from them by links.

    Raises:
        BuildFailed: a link leads to no file.
    """
    found: dict[Path, None] = {}
    waiting = sorted(path for path in DOCS.rglob("*") if path.is_file())
    while waiting:
        file = waiting.pop()
        if file not in found:
            found[file] = None
            linked = list(links_of(file)) if file.suffix == ".md" else []
            if gone := [each for each in linked if not each.is_file()]:
                raise BuildFailed([f"{file.relative_to(ROOT)} links to {each}, which is no file" for each in gone])
            waiting += linked
    return list(found)


def _relinked(page: Path) -> str:
    """Return a page with links as they are on the site."""
    source = place_of(page)

    def replaced(found: re.Match[str]) -> str:
        start, path, end = found.groups()
        if "://" in path:
            return found[0]
        return f"{start}{link(source, place_of((page.parent / path).resolve()))}{end}"

    parts = FENCE.split(page.read_text(encoding="utf-8"))
    parts[::2] = [LINK.sub(replaced, part) for part in parts[::2]]
    return "".join(parts)


def _shown(file: Path) -> str:
    """Return the page that shows a file of the repository."""
    text = file.read_text(encoding="utf-8")
    return f"# {file.relative_to(ROOT).as_posix()}\n\n````{CODE.get(file.suffix, 'text')}\n{text}````\n"
