"""Reads docstrings in Google's style: a description, then sections with indented entries."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_SECTION = re.compile(r"(Args|Attributes|Returns|Yields|Raises|Example|Examples|Note):")
_ENTRY = re.compile(r"([\w.*]+(?:, [\w.*]+)*): (.*)", re.DOTALL)


@dataclass(frozen=True)
class Entry:
    """What a section says of one thing, or of several that share an explanation."""

    names: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Docstring:
    """A docstring in its parts.

    Attributes:
        description: everything before the first section.
        entries: of the sections ``Args``, ``Attributes`` and ``Raises``.
        texts: of all other sections.
    """

    description: str
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def names(self, section: str) -> list[str]:
        """Return the names that a section explains, in its order."""
        return [name.lstrip("*") for entry in self.entries.get(section, []) for name in entry.names]


def parse(text: str) -> Docstring:
    """Take a docstring without indentation apart.

    Raises:
        ValueError: a line of a section with names is not ``name: explanation``.
    """
    parts = list(_parts(text))
    found = Docstring("\n".join(parts[0][1]).strip())
    for title, lines in parts[1:]:
        body = inspect.cleandoc("\n".join(["", *lines]))
        if title in ("Args", "Attributes", "Raises"):
            found.entries[title] = list(_entries(title, body))
        else:
            found.texts[title] = body
    return found


def _parts(text: str) -> Iterator[tuple[str, list[str]]]:
    title, lines = "", list[str]()
    for line in text.splitlines():
        if started := _SECTION.fullmatch(line):
            yield title, lines
            title, lines = started[1], []
        else:
            lines.append(line)
    yield title, lines


def _entries(title: str, body: str) -> Iterator[Entry]:
    """An entry begins at the margin; its further lines are indented."""
    for block in re.split(r"\n(?=\S)", body):
        entry = _ENTRY.fullmatch(block.strip())
        if entry is None:
            raise ValueError(f"{title} of a docstring has a line that is not 'name: explanation': {block!r}")
        yield Entry(tuple(entry[1].split(", ")), inspect.cleandoc(entry[2]))
