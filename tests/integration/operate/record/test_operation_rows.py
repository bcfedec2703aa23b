"""Operations and their letters in a real database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from leveret.sql import create_engine
from leveret.sql.operation_rows import (
    Operation,
    OperationLetter,
    add_operation,
    claim_operation,
    count_letters,
    end_operation,
    find_operations,
    operation_letters,
    renew_operation,
    settle_letters,
)
from leveret.sql.schema import upgrade
from support.guestbook import NAMES, NOTHING

NOW = datetime(2026, 12, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)


@pytest.fixture
def connection(empty_url: str) -> Iterator[sa.Connection]:
    """A transaction in which there is an operation of Ada's with three letters."""
    upgrade(empty_url, NOTHING, NAMES)
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        letters = [OperationLetter(key, f"r-{key}", "wanted", "", NOW) for key in "cab"]
        add_operation(connection, operation(), letters)
        yield connection
    engine.dispose()


def operation() -> Operation:
    return Operation(
        id="0a1b",
        kind="redrive",
        filter_json="{}",
        options_json="{}",
        by_whom="ada",
        why="",
        incident="",
        created_at=NOW,
        state="running",
        ended_why="",
        owner="ada",
        lease_until=LATER,
    )


def claim(connection: sa.Connection, owner: str, now: datetime, *, take_over: bool = False) -> bool:
    until = now + timedelta(seconds=30)
    return claim_operation(connection, "0a1b", owner, until=until, now=now, take_over=take_over)


def test_letters_come_back_in_the_order_of_the_operation(connection: sa.Connection) -> None:
    assert [each.letter for each in operation_letters(connection, "0a1b")] == ["c", "a", "b"]
    assert [each.letter for each in operation_letters(connection, "0a1b", ["wanted"], 2)] == ["c", "a"]


def test_an_operation_is_found_by_the_beginning_of_its_id(connection: sa.Connection) -> None:
    assert find_operations(connection, "0a") == [operation()]
    assert find_operations(connection, "%") == []


def test_what_became_of_letters_is_counted(connection: sa.Connection) -> None:
    settle_letters(connection, "0a1b", [OperationLetter("a", "r-a", "refused", "too old", LATER)])
    assert count_letters(connection, "0a1b") == {"wanted": 2, "refused": 1}
    [refused] = operation_letters(connection, "0a1b", ["refused"])
    assert (refused.why, refused.at) == ("too old", LATER)


def test_nobody_else_runs_an_operation_until_its_lease_ends(connection: sa.Connection) -> None:
    assert not claim(connection, "bob", NOW)
    assert claim(connection, "bob", LATER)
    assert not renew_operation(connection, "0a1b", "ada", LATER)
    assert renew_operation(connection, "0a1b", "bob", LATER)


def test_an_operation_can_be_taken_over_before(connection: sa.Connection) -> None:
    assert claim(connection, "bob", NOW, take_over=True)
    assert not renew_operation(connection, "0a1b", "ada", LATER)


def test_a_paused_operation_goes_on_with_whoever_resumes_it_and_a_done_one_with_nobody(
    connection: sa.Connection,
) -> None:
    assert end_operation(connection, "0a1b", "paused", "lunch", now=NOW)
    assert not end_operation(connection, "0a1b", "paused", "lunch", now=NOW)
    assert not renew_operation(connection, "0a1b", "ada", LATER)
    assert claim(connection, "bob", NOW)
    assert not end_operation(connection, "0a1b", "done", "", now=NOW, owner="ada")
    assert end_operation(connection, "0a1b", "done", "", now=NOW, owner="bob")
    assert not claim(connection, "bob", NOW, take_over=True)
