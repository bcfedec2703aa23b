"""What a person searches, as SQLite wants it."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.letters.index.words import MOST_TEXT, match, most_text, searchable


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("table", '"table"*'),
        ("no such", '"no" AND "such"*'),
        ("ab", '"ab"'),
        ("ann@example.com", '"ann@example.com"*'),
        ('"no such table"', '"no such table"'),
        ('say "hi" NOT x', '"say"* AND "hi" AND "NOT"* AND "x"'),
        ("*", None),
        ('""', None),
        ("- . :", None),
        (" ".join("word" for _ in range(17)), None),
    ],
)
def test_words_are_searched_by_their_beginning(text: str, query: str | None) -> None:
    if query is not None:
        assert match(text) == query
        return
    with pytest.raises(ValueError, match="text: "):
        match(text)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_no_text_breaks_the_query(text: str) -> None:
    if not any(map(str.isalnum, text.replace('"', ""))) or len(text.split()) > 16:
        return
    with closing(sqlite3.connect(":memory:")) as file:
        file.execute("CREATE VIRTUAL TABLE words USING fts5(text, content='', columnsize=0)")
        file.execute("SELECT rowid FROM words WHERE text MATCH ?", (match(text),)).fetchall()


def test_as_much_is_searched_as_there_is_room_for() -> None:
    value = {"a": ["b", {"c": None}], "d": 7, "e": "x" * MOST_TEXT, "f": "never"}
    assert searchable(value).startswith("a b c d 7 e xxx")
    assert "never" not in searchable(value)
    assert most_text("a\0b") == "a b"
    assert len(most_text("x" * 10**6)) == MOST_TEXT
