"""A database belongs to the application that upgraded it first; an application of another name is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from leveret.errors import SettingsError
from leveret.sql import create_engine, metadata
from leveret.sql.schema import Schema, current, describe, framework, is_current, prepare, upgrade
from support.databases import contents, execute, rows
from support.former_databases import OURS, make_by_hand
from support.guestbook import NAMES, NOTHING, guests, with_migrations

ORDERS = replace(NAMES, application="orders", setting="ORDERS_DATABASE_URL")
GUESTBOOK_IN_IT = (
    "ORDERS_DATABASE_URL: this database belongs to a newer version or to another program: its table leveret_application"
    " names the application 'guestbook', and this one is 'orders'. Nothing was changed. Use that version, or another"
    " database"
)
ENTRIES: list[Callable[..., Any]] = [prepare, upgrade, is_current, current, describe]


@pytest.mark.parametrize("enter", ENTRIES)
@pytest.mark.parametrize("kind", ["nothing", "tables", "migrations"])
def test_an_application_of_another_name_is_refused_and_changes_nothing(
    empty_url: str, tmp_path: Path, kind: str, enter: Callable[..., Any]
) -> None:
    upgrade(empty_url, NOTHING, NAMES)
    assert rows(empty_url, "leveret_application") == [("guestbook",)]
    before = contents(empty_url)
    with_files = with_migrations(tmp_path / "app" / "migrations")
    schema = {"nothing": NOTHING, "tables": Schema(tables=guests()), "migrations": with_files}[kind]
    with pytest.raises(SettingsError) as caught:
        enter(empty_url, schema, ORDERS)
    assert caught.value.problems == (GUESTBOOK_IN_IT,)
    assert contents(empty_url) == before
    assert is_current(empty_url, NOTHING, NAMES)


def test_a_database_of_the_version_before_goes_to_the_first_that_upgrades_it(empty_url: str) -> None:
    make_by_hand(empty_url, *OURS)
    execute(
        empty_url,
        "CREATE TABLE leveret_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
        "INSERT INTO leveret_version VALUES ('0002')",
    )
    kept = rows(empty_url, "processed_requests")
    assert upgrade(empty_url, NOTHING, NAMES)
    assert rows(empty_url, "leveret_application") == [("guestbook",)]
    assert rows(empty_url, "processed_requests") == kept != []
    assert not upgrade(empty_url, NOTHING, NAMES)
    with pytest.raises(SettingsError, match="names the application 'guestbook'"):
        upgrade(empty_url, NOTHING, ORDERS)


def test_tables_without_a_name_in_them_are_used_until_an_upgrade_writes_it(empty_url: str) -> None:
    engine = create_engine(empty_url)
    metadata.create_all(engine)
    engine.dispose()
    assert is_current(empty_url, NOTHING, NAMES)
    assert is_current(empty_url, NOTHING, ORDERS)
    assert upgrade(empty_url, NOTHING, ORDERS)
    assert rows(empty_url, "leveret_application") == [("orders",)]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (["INSERT INTO leveret_application VALUES ('orders')"], "its table leveret_application has 2 rows instead of"),
        (["UPDATE leveret_version SET version_num = '0002'"], "there is a table leveret_application, which is not of"),
        (["UPDATE leveret_version SET version_num = '0001'"], "there is a table leveret_application, which is not of"),
        (["ALTER TABLE leveret_application RENAME COLUMN name TO title"], "leveret_application has no column name"),
    ],
)
def test_a_table_that_is_not_ours_or_says_two_things_is_refused(empty_url: str, changed: list[str], words: str) -> None:
    upgrade(empty_url, NOTHING, NAMES)
    execute(empty_url, *changed)
    for enter in (upgrade, is_current):
        with pytest.raises(SettingsError, match=words):
            enter(empty_url, NOTHING, NAMES)


def test_the_look_at_start_reads_everything_by_one_statement(empty_url: str, tmp_path: Path) -> None:
    schema = with_migrations(tmp_path / "app" / "migrations")
    upgrade(empty_url, schema, NAMES)
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        assert is_current(empty_url, schema, NAMES)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    of_ours = [statement for statement in said if "FROM leveret_" in statement or "FROM alembic_version" in statement]
    assert len(of_ours) == 1
    assert all(table in of_ours[0] for table in (framework.VERSION_TABLE, framework.APPLICATION, "alembic_version"))


def test_a_role_that_may_not_read_the_tables_hears_what_to_grant(postgres_url: str, tmp_path: Path) -> None:
    schema = with_migrations(tmp_path / "app" / "migrations")
    upgrade(postgres_url, schema, NAMES)
    own = sa.make_url(postgres_url)
    role = f"worker_of_{own.database}"
    execute(postgres_url, f"CREATE ROLE {role} LOGIN PASSWORD 'secret'", f"GRANT USAGE ON SCHEMA public TO {role}")
    as_worker = own.set(username=role, password="secret").render_as_string(hide_password=False)
    try:
        with pytest.raises(SettingsError) as caught:
            prepare(as_worker, schema, NAMES)
        [problem] = caught.value.problems
        grant = f"GRANT SELECT ON alembic_version, leveret_application, leveret_version TO {role}"
        assert problem.startswith("GUESTBOOK_DATABASE_URL: permission denied for table ")
        assert f": as the owner of the tables, {grant}. Nothing was changed" in problem
        execute(postgres_url, grant)
        prepare(as_worker, schema, NAMES)
    finally:
        execute(postgres_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")
