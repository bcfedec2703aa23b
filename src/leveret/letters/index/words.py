"""The text of a letter in which words are searched, and what a person searches, as SQLite's FTS5 wants it. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

MOST_TEXT: Final = 64 * 1024
"""Characters of a letter in which words are searched; what stands behind them is not found."""

SHORTEST_BEGINNING: Final = 3
"""Characters of a word from which on it stands for all words that begin with it."""

_MOST_WORDS: Final = 16
_PIECE: Final = re.compile(r'"([^"]*)"|([^\s"]+)')


def most_text(text: str) -> str:
    """Return as much of a text as is searched; SQLite's texts end at a NUL for some of its functions."""
    text = text[:MOST_TEXT]
    return text.replace("\0", " ") if "\0" in text else text


def searchable(value: Any) -> str:
    """Return all texts and names in a JSON value, as far as they are searched."""
    found: list[str] = []
    room = MOST_TEXT
    for text in _texts(value):
        found.append(text)
        room -= len(text)
        if room <= 0:
            break
    return " ".join(found)


def match(text: str) -> str:
    """Return what a person searches as a query of FTS5 (SQLite, "FTS5 Extension", section 3), which it cannot break.

    Raises:
        ValueError: there is no word in the text, or there are too many.
    """
    pieces = [(phrase, word) for phrase, word in _PIECE.findall(text) if any(map(str.isalnum, phrase or word))]
    if not pieces:
        raise ValueError(f"text: there is no word in {text!r}: expected letters or digits")
    if len(pieces) > _MOST_WORDS:
        raise ValueError(f"text: {len(pieces)} words: expected {_MOST_WORDS} at most")
    return " AND ".join(_quoted(phrase) if phrase else _beginning(word) for phrase, word in pieces)


def _beginning(word: str) -> str:
    """A word with signs in it is several words one behind the other for FTS5; the last one may go on."""
    last = re.split(r"[\W_]+", word)[-1]
    return _quoted(word) + ("*" if len(last) >= SHORTEST_BEGINNING else "")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""').replace("\0", " ") + '"'


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield str(name)
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)
    elif value is not None:
        yield str(value)
