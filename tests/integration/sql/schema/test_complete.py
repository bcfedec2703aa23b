"""What is made at once is what the revisions lead to."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa

from leveret.sql import create_engine
from leveret.sql.schema import Schema, is_current, make_all, upgrade
from support.databases import rows, structure
from support.guestbook import NAMES, NOTHING, guests, with_migrations
from taskmanager.storage.schema import SCHEMA


def of(url: str) -> Mapping[str, object]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = structure(connection)
    engine.dispose()
    return found


def make(url: str, schema: Schema) -> None:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            make_all(connection, schema, NAMES.application)
    finally:
        engine.dispose()


@pytest.mark.parametrize("kind", ["nothing", "tables", "migrations", "no revision", "the Task Manager"])
def test_a_database_that_is_made_at_once_is_the_same_as_one_that_was_upgraded(
    empty_url: str, another_empty_url: str, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "env.py").write_text("")
    schema = {
        "nothing": NOTHING,
        "tables": Schema(tables=guests()),
        "migrations": with_migrations(tmp_path / "migrations"),
        "no revision": Schema(migrations=tmp_path / "empty"),
        "the Task Manager": SCHEMA,
    }[kind]
    make(empty_url, schema)
    upgrade(another_empty_url, schema, NAMES)
    assert of(empty_url) == of(another_empty_url)
    for table in (
        "leveret_version",
        "leveret_application",
        *(["alembic_version"] if kind in ("migrations", "the Task Manager") else []),
    ):
        assert rows(empty_url, table) == rows(another_empty_url, table)
    assert is_current(empty_url, schema, NAMES)
    assert not upgrade(empty_url, schema, NAMES)


def test_a_database_in_memory_can_be_made_too(tmp_path: Path) -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        make_all(connection, with_migrations(tmp_path / "migrations"), NAMES.application)
        assert {"guests", "rate_windows"} < set(sa.inspect(connection).get_table_names())
    engine.dispose()


def test_a_database_that_is_not_empty_is_refused(empty_url: str) -> None:
    make(empty_url, NOTHING)
    with pytest.raises(sa.exc.DBAPIError, match="already exists"):
        make(empty_url, NOTHING)
