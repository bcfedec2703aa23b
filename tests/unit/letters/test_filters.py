"""Filters of letters, as options and URLs have them."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.letters.filters import EVERYTHING, NAMES, LetterFilter, LetterState, read_filter, read_query

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).map(str.strip).filter(bool)
AGES = st.integers(1, 10**6).map(lambda number: timedelta(seconds=number))
FILTERS = st.builds(
    LetterFilter,
    ids=st.lists(TEXTS, max_size=3, unique=True).map(tuple),
    state=st.sampled_from(LetterState),
    older=st.none() | AGES,
    newer=st.none() | AGES,
    **dict.fromkeys(
        ("action", "version", "worker_version", "code", "exception", "place", "principal", "text", "group"),
        st.just("") | TEXTS,
    ),
)


@given(FILTERS)
def test_a_filter_is_the_same_after_its_way_through_a_url(wanted: LetterFilter) -> None:
    assert read_query(wanted.query()) == wanted
    assert read_filter(wanted.words()) == wanted


@given(st.text(max_size=200))
def test_any_query_is_read_or_refused(query: str) -> None:
    with suppress(ValueError):
        assert isinstance(read_query(query), LetterFilter)


def test_a_condition_that_is_empty_is_none() -> None:
    assert read_filter({"action": " ", "ids": [], "code": None}) == EVERYTHING
    assert EVERYTHING.query() == ""
    assert EVERYTHING.everything
    assert LetterFilter(state=LetterState.GONE).everything
    assert not LetterFilter(code="x").everything


def test_a_url_may_hold_what_is_not_a_condition() -> None:
    assert read_query("page=7&action=sell") == LetterFilter(action="sell")


@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        ({"colour": "red"}, "'colour' is not a condition: expected one of ids, action"),
        ({"older": "soon"}, "older: 'soon' is not a duration"),
        ({"state": "lost"}, "state: 'lost' is not a state: expected one of present, redriven"),
        ({"code": ["a", "b"]}, "code is there 2 times: expected once"),
        ({"text": "x" * 301}, "text has 301 characters: expected 300 at most"),
        ({"ids": list(map(str, range(10_001)))}, "10001 ids: expected 10000 at most"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_what_cannot_be_read_is_refused_by_name(conditions: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_filter(conditions)


def test_a_filter_is_told_in_words() -> None:
    wanted = LetterFilter(action="sell", older=timedelta(hours=2), worker_version="1.2")
    assert wanted.in_words() == "action=sell, worker-version=1.2, older=2h"
    assert EVERYTHING.in_words() == "all letters in the queue"


def test_every_condition_has_a_name() -> None:
    assert "worker-version" in NAMES
    assert len(NAMES) == len(LetterFilter.__struct_fields__)
