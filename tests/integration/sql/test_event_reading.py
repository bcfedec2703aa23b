"""Readers of events skip none and get none twice, whatever commits late, and see their own only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from leveret.api import KeptEvent
from leveret.errors import InvalidRequest
from leveret.sql import Store
from leveret.sql.event_reading import (
    EventPosition,
    position_of,
    present_position,
    principals_with_events,
    read_events,
)
from leveret.sql.event_rows import add_events, keep_event
from leveret.sql.tables import leveret_events

MOST = 100


def add(connection: sa.Connection, subject: str, principal: str = "1") -> None:
    row = {"principal": principal, "type": "test.happened.v1", "data_json": "{}", "request": "r"}
    add_events(connection, [{**row, "subject": subject}])


class Reader:
    """Reads one principal's events from a position on, page by page, as a stream does."""

    def __init__(self, engine: sa.Engine, principal: str = "1", most: int = MOST) -> None:
        self._engine, self._principal, self._most = engine, principal, most
        with engine.begin() as connection:
            self.position = present_position(connection)

    def read(self) -> list[str]:
        found, more = [], True
        while more:
            with self._engine.begin() as connection:
                present = present_position(connection)
                page = read_events(connection, self._principal, self.position, present, self._most)
            found += [event.subject for event in page.events]
            self.position, more = page.position, page.more
        return found


@contextmanager
def late(engine: sa.Engine, *subjects: str) -> Iterator[Callable[[], None]]:
    """Open a transaction that has added events, and yield what commits it."""
    with engine.connect() as connection:
        transaction = connection.begin()
        for subject in subjects:
            add(connection, subject)
        yield transaction.commit


def test_a_reader_gets_each_event_once_in_the_order_of_the_commits(engine: sa.Engine) -> None:
    reader = Reader(engine)
    assert reader.read() == []
    for batch in (["a", "b"], ["c"], ["d", "e", "f"]):
        with engine.begin() as connection:
            for subject in batch:
                add(connection, subject)
        assert reader.read() == batch
    assert reader.read() == []


@pytest.mark.parametrize("most", [1, 2, 3])
def test_pages_lose_nothing_between_them(engine: sa.Engine, most: int) -> None:
    reader = Reader(engine, most=most)
    for batch in (["a", "b", "c"], ["d"], ["e", "f"]):
        with engine.begin() as connection:
            for subject in batch:
                add(connection, subject)
    assert reader.read() == ["a", "b", "c", "d", "e", "f"]
    assert reader.read() == []


def test_what_commits_late_is_not_skipped(clean_store: tuple[sa.Engine, Store]) -> None:
    engine, _ = clean_store
    reader, seen = Reader(engine), []
    with late(engine, "late 1", "late 2") as commit:
        with engine.begin() as connection:
            add(connection, "early")
        seen += reader.read()
        assert seen == [], "what is behind a transaction that still runs waits for it"
        commit()
    with engine.begin() as connection:
        add(connection, "last")
    seen += reader.read()
    assert sorted(seen) == ["early", "last", "late 1", "late 2"]
    assert reader.read() == []


def test_a_transaction_that_never_commits_holds_nothing_up_for_good(clean_store: tuple[sa.Engine, Store]) -> None:
    engine, _ = clean_store
    reader = Reader(engine)
    with late(engine, "never"):
        with engine.begin() as connection:
            add(connection, "early")
        assert reader.read() == []
    assert reader.read() == ["early"]


def test_of_two_changes_of_one_row_the_later_one_is_told_later_though_its_transaction_is_older(
    clean_store: tuple[sa.Engine, Store],
) -> None:
    """The older transaction waits, as a batch may, for the row that the younger one changes."""
    engine, _ = clean_store
    reader = Reader(engine)
    with engine.connect() as older, engine.begin() as younger:
        older.execute(sa.text("SELECT pg_current_xact_id()"))
        add(younger, "first change")
        younger.commit()
        add(older, "second change")
        older.commit()
    assert reader.read() == ["first change", "second change"]


def test_a_reader_resumes_in_the_middle_of_what_was_read_together(clean_store: tuple[sa.Engine, Store]) -> None:
    engine, _ = clean_store
    start = Reader(engine)
    with late(engine, "a", "b") as commit, engine.begin() as connection:
        add(connection, "c")
        connection.commit()
        commit()
    with engine.begin() as connection:
        page = read_events(connection, "1", start.position, present_position(connection), MOST)
    subjects = [event.subject for event in page.events]
    assert sorted(subjects) == ["a", "b", "c"]
    with engine.begin() as connection:
        add(connection, "d")
    for number, event in enumerate(page.events):
        resumed = Reader(engine)
        resumed.position = event.position
        assert resumed.read() == [*subjects[number + 1 :], "d"]


def test_nobody_sees_the_events_of_somebody_else(engine: sa.Engine) -> None:
    mine, yours = Reader(engine, "1"), Reader(engine, "2")
    with engine.begin() as connection:
        add(connection, "mine", "1")
        add(connection, "yours", "2")
    assert (mine.read(), yours.read()) == (["mine"], ["yours"])


def test_who_has_news_is_told_until_the_position_is_behind_them(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        before = present_position(connection)
    with engine.begin() as connection:
        add(connection, "a", "1")
        add(connection, "b", "1")
        add(connection, "c", "2")
    with engine.begin() as connection:
        after = present_position(connection)
        assert sorted(principals_with_events(connection, before, after) or []) == ["1", "2"]
        assert principals_with_events(connection, after, present_position(connection)) == []


def test_a_page_ends_when_it_is_large(engine: sa.Engine) -> None:
    reader = Reader(engine)
    large = {"principal": "1", "type": "a.b", "subject": "", "data_json": "x" * 400_000, "request": "r"}
    with engine.begin() as connection:
        add_events(connection, [large] * 4)
    with engine.begin() as connection:
        page = read_events(connection, "1", reader.position, present_position(connection), MOST)
    assert (len(page.events), page.more) == (3, True)


def test_events_of_the_workers_transactions_can_be_read_at_once(engine: sa.Engine, store: Store) -> None:
    reader = Reader(engine)
    with store.begin(writes=True) as transaction:
        keep_event(transaction.connection, KeptEvent("1", "test.happened.v1", "kept", "{}", "r"))
    assert reader.read() == ["kept"]


def test_ids_are_not_given_out_again_when_all_events_are_forgotten(engine: sa.Engine) -> None:
    reader = Reader(engine)
    for subject in ("a", "b"):
        with engine.begin() as connection:
            add(connection, subject)
        assert reader.read() == [subject]
        with engine.begin() as connection:
            connection.execute(leveret_events.delete())


NUMBERS = st.integers(0, 2**63 - 1)


@settings(deadline=None)
@given(NUMBERS, NUMBERS, NUMBERS, st.integers(0, 10**12 - 1), st.text(max_size=64))
def test_a_position_is_read_as_it_was_written(first: int, end: int, last: int, at: int, principal: str) -> None:
    position = EventPosition(first, end, last, at)
    assert position_of(position.text(principal), principal) == position
    with pytest.raises(InvalidRequest):
        position_of(position.text(principal), f"{principal}x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.2.3.4",
        "1.2.3.4.00000000",
        "\u0661.2.3.4.00000000",
        "-1.2.3.4.00000000",
        "1.2.3.4.00000000\n",
        "9" * 5000,
        EventPosition(1, 2, 2**63, 4).text("1"),
        EventPosition(1, 2, 3, 4).text("1").replace("1.2", "1.1"),
    ],
)
def test_another_text_is_no_position(text: str) -> None:
    with pytest.raises(InvalidRequest, match="position"):
        position_of(text, "1")
