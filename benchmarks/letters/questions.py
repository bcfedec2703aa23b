"""The questions that the commands and the console ask of the index, each with what it is called in the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from leveret.letters.filters import LetterFilter, LetterState
from leveret.letters.index import LetterIndex

Question = Callable[[LetterIndex], object]

FILTERS = (
    ("all letters", LetterFilter()),
    ("an action", LetterFilter(action="sell")),
    ("a code", LetterFilter(code="internal")),
    ("a part of an error's name", LetterFilter(exception="error")),
    ("a file", LetterFilter(place="stock.py")),
    ("a caller", LetterFilter(principal="77")),
    ("the last hour", LetterFilter(newer=timedelta(hours=1))),
    ("older than an hour", LetterFilter(older=timedelta(hours=1))),
    ("a state", LetterFilter(state=LetterState.REDRIVEN)),
    ("any state, an action", LetterFilter(state=LetterState.ANY, action="sell")),
    ("an action, a code, a file, an error, an age", LetterFilter(
        action="sell", code="internal", place="stock", exception="keyerror", older=timedelta(minutes=5),
    )),
    ("an action and a caller", LetterFilter(action="sell", principal="77")),
    ("an id", LetterFilter(ids=("request-500",))),
    ("a word that every letter holds", LetterFilter(text="customer")),
    ("a word of few letters", LetterFilter(text="amaranth17")),
    ("the beginning of words that every letter holds", LetterFilter(text="cus")),
    ("two words one behind the other", LetterFilter(text='"no such table"')),
    ("a word that every letter holds, and an action", LetterFilter(text="customer", action="sell")),
    ("a word, an action, a caller, an age", LetterFilter(
        text="amaranth", action="sell", principal="77", older=timedelta(minutes=5),
    )),
)  # fmt: skip
"""Filters of every kind, and together."""


def questions(index: LetterIndex) -> Iterator[tuple[str, Question]]:
    """Yield each question with its name; a filter is asked twice: how many letters, and the newest page of them."""
    groups = index.groups()
    for name, wanted in (*FILTERS, ("a group", LetterFilter(group=groups[0].fingerprint))):
        yield f"{name}: count ({index.count(wanted):,})", _count(wanted)
        yield f"{name}: a page", _page(wanted)
    middle = index.find(LetterFilter(), 1).rows[0].number + index.count() // 2
    yield "all letters: a page in the middle", lambda found: found.find(LetterFilter(), 50, middle)
    key = index.find(LetterFilter(), 1, middle).rows[0].key
    yield "one letter with its content", lambda found: found.read(key)
    yield f"the groups ({len(groups)})", lambda found: found.groups()


def _count(wanted: LetterFilter) -> Question:
    return lambda index: index.count(wanted)


def _page(wanted: LetterFilter) -> Question:
    return lambda index: index.find(wanted, 50, newest=True)
