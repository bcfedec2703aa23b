"""Puts tables into a page of the documentation, between two markers, so that nobody has to type figures."""

from __future__ import annotations

from pathlib import Path
from typing import Final

BEGIN: Final = "<!-- begin: written by `make bench-publish` -->"
END: Final = "<!-- end: written by `make bench-publish` -->"


class NoMarkers(Exception):
    """The page has no markers for the tables."""


def put_between(text: str, tables: str) -> str:
    """Return a page's text with new tables between the markers.

    Raises:
        NoMarkers: the page has no markers, more than one pair of them, or a pair in the wrong order.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise NoMarkers(f"the page needs one line {BEGIN} and after it one line {END}")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{rest.partition(END)[2]}"


def publish(page: Path, tables: str) -> None:
    """Put tables into a page."""
    page.write_text(put_between(page.read_text(encoding="utf-8"), tables), encoding="utf-8")
