"""Checks a built site: every link leads somewhere, and no page needs anything from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""What a browser loads with a page, and the attribute that names it."""


@dataclass
class BuildFailed(Exception):
    """The site could not be built, or has problems; each line is one of them."""

    lines: list[str]


@dataclass
class _Page(HTMLParser):
    """What a page names, and the places in it that can be named."""

    links: set[str] = field(default_factory=set)
    loaded: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.places |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.add(found["href"])
        if tag in LOADED and LOADED[tag] in found and found.get("rel") not in ("canonical", "alternate"):
            self.loaded.add(found[LOADED[tag]])


def problems(site: Path) -> list[str]:
    """Return what is wrong with the pages below a folder, one line each."""
    pages = {path: _read(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}
    found = []
    for path, page in pages.items():
        name = path.relative_to(site).as_posix()
        found += [f"{name} loads {url}" for url in sorted(page.loaded) if urlsplit(url).netloc]
        found += [f"{name} links to {url}" for url in sorted(page.links | page.loaded) if not _leads(path, url, pages)]
    return found


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _leads(path: Path, url: str, pages: dict[Path, _Page]) -> bool:
    """Tell whether a link leads to a file, and to a place in it if it names one; addresses elsewhere are not asked."""
    parts = urlsplit(url)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return False
    return not parts.fragment or target not in pages or unquote(parts.fragment) in pages[target].places
