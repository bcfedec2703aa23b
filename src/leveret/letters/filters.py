"""Which dead letters somebody means: one record, read from options or from the query of a URL, and written back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct
from msgspec.structs import asdict, replace

from leveret.process.durations import format_duration, parse_duration

LONGEST_TEXT: Final = 300
"""Characters of each value of a filter."""

MOST_IDS: Final = 10_000
"""Ids that a filter may name."""


class LetterState(StrEnum):
    """What became of a letter, as far as the stream of letters tells; ``ANY`` is for filters only."""

    PRESENT = "present"
    REDRIVEN = "redriven"
    DISCARDED = "discarded"
    EDITED = "edited"
    GONE = "gone"
    ANY = "any"


class LetterFilter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which letters are meant; a letter has to meet every condition. Without any: all letters that are present.

    Attributes:
        ids: ids of requests, or keys of letters.
        action: the action's name, with or without the version of the API: ``create_task``, ``v1.create_task``.
        version: the version of the API, such as ``v1``.
        worker_version: the application's version in the worker that wrote the letter.
        code: why the request was given up, for programs; of a message that the broker moved, why it did.
        exception: a part of the name of the error's class, in any case.
        place: a part of the name of the file in which the error was raised, in any case; a line number is left out.
        principal: whose request it was.
        older: it was given up longer ago than this.
        newer: it was given up less long ago than this.
        text: words that the letter holds. Each stands for all words that begin with it; a word of one or two
            characters, and words in double quotes one behind the other, are meant as they are.
        group: the fingerprint of the group, or the beginning of it that only this group has.
        state: what became of the letter.
    """

    ids: tuple[str, ...] = ()
    action: str = ""
    version: str = ""
    worker_version: str = ""
    code: str = ""
    exception: str = ""
    place: str = ""
    principal: str = ""
    older: timedelta | None = None
    newer: timedelta | None = None
    text: str = ""
    group: str = ""
    state: LetterState = LetterState.PRESENT

    @property
    def everything(self) -> bool:
        """Whether there is no condition beside the state."""
        return replace(self, state=LetterState.PRESENT) == EVERYTHING

    def query(self) -> str:
        """Return the filter as the query of a URL; empty where there is no condition."""
        return urlencode([(name, value) for name, values in self.words().items() for value in values])

    def words(self) -> dict[str, tuple[str, ...]]:
        """Return the conditions as texts, each under its name, as `read_filter` reads them."""
        found = {}
        for name, value in asdict(self).items():
            if value != getattr(EVERYTHING, name):
                found[name.replace("_", "-")] = _texts(value)
        return found

    def in_words(self) -> str:
        """Return the conditions for a person: ``action=sell, older=2h``."""
        shown = (f"{name}={value}" for name, values in self.words().items() for value in values)
        return ", ".join(shown) or "all letters in the queue"


EVERYTHING: Final = LetterFilter()
"""All letters that are present."""

NAMES: Final = tuple(name.replace("_", "-") for name in LetterFilter.__struct_fields__)
"""The names of all conditions, as options and URLs have them."""


def read_filter(conditions: Mapping[str, str | Sequence[str] | None]) -> LetterFilter:
    """Read a filter from texts, such as the values of options; None and empty texts are no conditions.

    Args:
        conditions: texts under the names in `NAMES`; other names are an error.

    Raises:
        ValueError: a name or a value cannot be used; the text says which one, and what is expected.
    """
    fields: dict[str, Any] = {}
    for name, given in conditions.items():
        if name not in NAMES:
            raise ValueError(f"{name!r} is not a condition: expected one of {', '.join(NAMES)}")
        texts = [given] if isinstance(given, str) else list(given or ())
        if texts := [text for text in map(str.strip, texts) if text]:
            fields[name.replace("-", "_")] = _read(name, texts)
    return LetterFilter(**fields)


def read_query(query: str) -> LetterFilter:
    """Read a filter from the query of a URL; names that are not conditions are passed over.

    Raises:
        ValueError: a value cannot be used.
    """
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, max_num_fields=MOST_IDS + len(NAMES)):
        if name in NAMES:
            found.setdefault(name, []).append(value)
    return read_filter(found)


def _read(name: str, texts: Sequence[str]) -> Any:
    if name == "ids":
        return _ids(texts)
    if len(texts) > 1:
        raise ValueError(f"{name} is there {len(texts)} times: expected once")
    text = texts[0]
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"{name} has {len(text)} characters: expected {LONGEST_TEXT} at most")
    if name in ("older", "newer"):
        return _duration(name, text)
    if name == "state":
        return _state(text)
    return text


def _ids(texts: Iterable[str]) -> tuple[str, ...]:
    ids = tuple(dict.fromkeys(texts))
    if len(ids) > MOST_IDS:
        raise ValueError(f"{len(ids)} ids: expected {MOST_IDS} at most")
    return ids


def _duration(name: str, text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _state(text: str) -> LetterState:
    try:
        return LetterState(text.lower())
    except ValueError:
        raise ValueError(f"state: {text!r} is not a state: expected one of {', '.join(LetterState)}") from None


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    return (format_duration(value) if isinstance(value, timedelta) else str(value),)
