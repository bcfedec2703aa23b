"""Columns that we write as arrays are read by PostgreSQL as those that its driver writes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leveret.sql.array_literals import array_writer
from leveret.sql.bulk import BulkInsert
from leveret.sql.tables import UtcDateTime
from testbed.postgres import PostgresServer

DIALECT: sa.Dialect = sa.create_engine("postgresql+psycopg://").dialect
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
MARKS = st.text(st.sampled_from("\"\\\\{},NUL \\n\\t'x"))
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9998, 12, 31), timezones=ZONES)  # noqa: DTZ001 - they get zones
KINDS: list[tuple[sa.types.TypeEngine[Any], str, st.SearchStrategy[Any]]] = [
    (sa.Text(), "text", TEXTS | MARKS | st.sampled_from(["", "NULL", "null", "{}", '{"a":"b\\\\"}'])),
    (sa.String(20), "text", TEXTS | MARKS),
    (sa.BigInteger(), "bigint", st.integers(-(2**63), 2**63 - 1)),
    (sa.Boolean(), "boolean", st.booleans()),
    (sa.Float(), "float8", st.floats()),
    (sa.DateTime(timezone=True), "timestamptz", MOMENTS),
    (sa.LargeBinary(), "bytea", st.binary()),
]


@pytest.fixture(scope="module")
def connection(postgres: PostgresServer) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres.url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


def same(one: Any, other: Any) -> bool:
    both_nan = isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other)
    return both_nan or (one == other and type(one) is type(other))


@pytest.mark.parametrize(("column", "name", "values"), KINDS, ids=[f"{kind[0]!r}" for kind in KINDS])
def test_an_array_of_ours_is_that_of_the_driver(
    connection: psycopg.Connection[Any], column: sa.types.TypeEngine[Any], name: str, values: st.SearchStrategy[Any]
) -> None:
    write = array_writer(column, DIALECT)
    assert write is not None

    @settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(values | st.none(), max_size=8))
    def check(some: list[Any]) -> None:
        asked = f"SELECT CAST(%s AS {name}[]), CAST(%s AS {name}[])"
        ((ours, theirs),) = connection.execute(asked, [write(some), some])
        assert len(ours) == len(theirs) == len(some)
        assert all(map(same, ours, theirs)), (ours, theirs)

    check()


def test_binary_values_are_taken_out_of_what_the_driver_wraps_them_in() -> None:
    write = array_writer(sa.LargeBinary(), DIALECT)
    assert write is not None
    assert write([psycopg.Binary(b"a\0\xff"), b"a\0\xff", None]) == '{"\\\\x6100ff","\\\\x6100ff",NULL}'


@pytest.mark.parametrize("column", [sa.Numeric(), sa.Uuid(), sa.JSON(), sa.Interval(), sa.Date()], ids=repr)
def test_other_types_are_left_to_the_driver(column: sa.types.TypeEngine[Any]) -> None:
    assert array_writer(column, DIALECT) is None


def test_a_whole_number_that_is_none_is_refused() -> None:
    write = array_writer(sa.Integer(), DIALECT)
    assert write is not None
    with pytest.raises(ValueError, match="format code"):
        write(["1,2"])


def test_a_text_with_nul_is_refused_as_ever(postgres: PostgresServer) -> None:
    table = sa.Table("texts", sa.MetaData(), sa.Column("text", sa.Text))
    with postgres.database() as url:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            table.create(connection)
            with pytest.raises(sa.exc.DataError, match="NUL"):
                BulkInsert(table, "text").run(connection, [{"text": "a"}, {"text": "a\0b"}])
        engine.dispose()


def test_moments_keep_their_microseconds_and_their_zone(connection: psycopg.Connection[Any]) -> None:
    write = array_writer(UtcDateTime(), DIALECT)
    assert write is not None
    moment = datetime(2026, 3, 29, 1, 59, 59, 999_999, timezone(timedelta(hours=5, minutes=45)))
    ((found,),) = connection.execute("SELECT CAST(%s AS timestamptz[])", [write([moment])])
    assert [each.astimezone(UTC) for each in found] == [moment.astimezone(UTC)]
