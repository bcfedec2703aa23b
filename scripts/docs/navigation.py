"""The navigation of the site, read from the pages that list pages, so that no page is named twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from scripts.docs.places import DOCS, link, place_of

ITEM = re.compile(r"^- \[([^\]]+)\]\(([^)#\s]+)\)")
ROW = re.compile(r"^(?:\| |## )\[`?([^\]`]+)`?\]\(([^)#\s]+)\)")

Entry = dict[str, Any]


def navigation(index: Path) -> list[Entry]:
    """Return the navigation that an index page describes.

    A heading is a section, a line such as ``Call it:`` a part of it, and each item of a list a page. Pages that list
    others, which are the decisions and the reference, become sections.
    """
    sections: list[Entry] = []
    entries: list[Entry] = []
    for line in index.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            entries = []
            sections.append({line.removeprefix("## ").partition(":")[0]: entries})
            inner = entries
        elif sections and re.fullmatch(r"[^-\s].*:", line):
            inner = []
            entries.append({line.removesuffix(":"): inner})
        elif found := ITEM.match(line):
            inner.append(_entry(index, found[1], found[2]))
    return [{_title(index): "index.md"}, *sections]


def pages_of(entries: list[Any]) -> list[str]:
    """Return all pages of a navigation."""
    found: list[str] = []
    for entry in entries:
        for inner in [entry] if isinstance(entry, str) else entry.values():
            found += [inner] if isinstance(inner, str) else pages_of(inner)
    return found


def _entry(index: Path, title: str, path: str) -> Entry:
    target = (index.parent / path).resolve()
    here = link(place_of(index), place_of(target))
    if target in (DOCS / "decisions" / "README.md", DOCS / "reference" / "index.md"):
        return {title: [here, *_listed(index, target)]}
    return {title: here}


def _listed(index: Path, page: Path) -> list[Entry]:
    """Return the pages that stand in a page's table, or as its headings."""
    found: dict[str, str] = {}
    for line in page.read_text(encoding="utf-8").splitlines():
        if row := ROW.match(line):
            title = f"{row[1]} {line.split(' | ')[1].strip(' |')}" if row[1].isdigit() else row[1]
            found.setdefault(row[2], title.replace("`", ""))
    return [{title: link(place_of(index), place_of((page.parent / path).resolve()))} for path, title in found.items()]


def _title(page: Path) -> str:
    return page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
