"""An application that names its tables has those made that are missing, and no other change."""

import pytest
import sqlalchemy as sa

from leveret.errors import SettingsError
from leveret.sql import create_engine
from leveret.sql import metadata as leveret_metadata
from leveret.sql.schema import Schema, current, describe, framework, is_current, upgrade
from support.databases import contents, execute, rows, tables
from support.guestbook import NAMES, guests

GUESTS = Schema(tables=guests())


def test_the_tables_are_made_once(empty_url: str) -> None:
    assert upgrade(empty_url, GUESTS, NAMES)
    assert tables(empty_url) == {*framework.OURS, "guests"}
    assert is_current(empty_url, GUESTS, NAMES)
    assert not upgrade(empty_url, GUESTS, NAMES)


def test_a_table_that_is_added_later_is_made_beside_the_rows_of_the_others(empty_url: str) -> None:
    upgrade(empty_url, GUESTS, NAMES)
    execute(empty_url, "INSERT INTO guests VALUES (1, 'Ada')")
    metadata = guests()
    sa.Table("rooms", metadata, sa.Column("id", sa.Integer, primary_key=True))
    more = Schema(tables=metadata)
    assert not is_current(empty_url, more, NAMES)
    assert describe(empty_url, more, NAMES) == "0006, and this version needs the table rooms too: guestbook db upgrade"
    assert upgrade(empty_url, more, NAMES)
    assert rows(empty_url, "guests") == [(1, "Ada")]
    assert "rooms" in tables(empty_url)


def test_a_table_that_lacks_a_column_is_refused_and_left_alone(empty_url: str) -> None:
    upgrade(empty_url, GUESTS, NAMES)
    before = contents(empty_url)
    for enter in (upgrade, current, is_current):
        with pytest.raises(SettingsError, match="table guests of this database has no column email") as caught:
            enter(empty_url, Schema(tables=guests("email")), NAMES)
        assert "tables= makes missing tables and never changes one" in str(caught.value)
    assert contents(empty_url) == before


def test_a_table_may_have_more_columns_than_the_application_knows(empty_url: str) -> None:
    upgrade(empty_url, Schema(tables=guests("email")), NAMES)
    assert is_current(empty_url, GUESTS, NAMES)


def test_tables_in_the_frameworks_own_metadata_are_the_applications(empty_url: str) -> None:
    metadata = sa.MetaData()
    for table in (*leveret_metadata.sorted_tables, *guests().sorted_tables):
        table.to_metadata(metadata)
    engine = create_engine(empty_url)
    metadata.create_all(engine)
    engine.dispose()
    assert is_current(empty_url, Schema(tables=metadata), NAMES)
    assert upgrade(empty_url, Schema(tables=metadata), NAMES)
    assert not upgrade(empty_url, Schema(tables=metadata), NAMES)


def test_tables_in_another_schema_are_made_there(postgres_url: str) -> None:
    metadata = sa.MetaData()
    sa.Table("rate_windows", metadata, sa.Column("id", sa.Integer, primary_key=True), schema="shop")
    execute(postgres_url, "CREATE SCHEMA shop")
    assert upgrade(postgres_url, Schema(tables=metadata), NAMES)
    assert rows(postgres_url, "shop.rate_windows") == []
    assert is_current(postgres_url, Schema(tables=metadata), NAMES)
