"""What an application says of its tables."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from leveret.errors import SettingsError
from leveret.sql import metadata
from leveret.sql.schema import Schema
from support.guestbook import guests


def test_a_relative_folder_is_refused_with_what_to_write_instead() -> None:
    with pytest.raises(ValueError, match=r'write Path\(__file__\)\.parent / "migrations"'):
        Schema(migrations=Path("migrations"))


def test_the_frameworks_tables_are_not_the_applications_whoever_names_them() -> None:
    tables = sa.MetaData()
    for table in (*metadata.sorted_tables, *guests().sorted_tables):
        table.to_metadata(tables)
    sa.Table("rate_windows", tables, sa.Column("id", sa.Integer), schema="elsewhere")
    assert sorted(table.fullname for table in Schema(tables=tables).own_tables) == ["elsewhere.rate_windows", "guests"]
    assert Schema().own_tables == []


@pytest.mark.parametrize(
    "name", ["rate_windows", "processed_requests", "leveret_version", "leveret_application", "Rate_Windows"]
)
def test_a_table_of_the_applications_own_with_a_name_of_ours_is_refused(name: str) -> None:
    tables = sa.MetaData()
    sa.Table(name, tables, sa.Column("id", sa.Integer), sa.Column("room", sa.Text))
    with pytest.raises(ValueError, match=f"tables: {name} is the name of one of the framework's tables"):
        Schema(tables=tables)


def test_such_a_table_is_refused_too_when_it_is_declared_later() -> None:
    tables = guests()
    schema = Schema(tables=tables)
    sa.Table("rate_windows", tables, sa.Column("id", sa.Integer), sa.Column("room", sa.Text))
    with pytest.raises(SettingsError, match="tables: rate_windows is the name of one of the framework's tables"):
        _ = schema.own_tables
