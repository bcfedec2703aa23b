import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from subprocess import PIPE

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from leveret.errors import StorageFailed, StorageUnavailable
from leveret.sql import create_engine
from leveret.sql import metadata as leveret_metadata
from taskmanager.storage import migration
from taskmanager.storage.tables import metadata, users


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty%20 100%.db'}"
    else:
        yield request.getfixturevalue("postgres_url")


def test_an_empty_database_is_upgraded_once(empty_url: str) -> None:
    assert migration.current(empty_url) is None
    assert not migration.is_current(empty_url)
    assert migration.upgrade(empty_url)
    assert migration.is_current(empty_url)
    assert not migration.upgrade(empty_url)


def test_the_newest_revision_is_the_one_that_the_scripts_lead_to() -> None:
    scripts = ScriptDirectory(str(Path(migration.__file__).parent / "migrations"))
    assert scripts.get_current_head() == migration.NEWEST
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == migration.REVISIONS


def test_the_migrations_make_exactly_the_tables_that_the_queries_use(empty_url: str) -> None:
    migration.upgrade(empty_url)
    engine = create_engine(empty_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, [metadata, leveret_metadata]) == []  # type: ignore[arg-type]  # as env.py's target_metadata
    engine.dispose()


PROGRAM = """
import sys
from taskmanager.storage import migration
print("ready", flush=True)
sys.stdin.readline()
print(migration.upgrade(sys.argv[1]))
"""


def test_processes_that_upgrade_at_once_agree(empty_url: str) -> None:
    command = [sys.executable, "-c", PROGRAM, empty_url]
    with ExitStack() as running:
        processes = [
            running.enter_context(subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True))
            for _ in range(4)
        ]
        for process in processes:
            running.callback(process.kill)
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = [process.communicate(timeout=60) for process in processes]
    assert sorted(answers) == [("False\n", "")] * 3 + [("True\n", "")]
    assert migration.is_current(empty_url)


def test_an_upgrade_of_postgresql_waits_for_another_one(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with engine.connect() as holder, ThreadPoolExecutor(1) as pool:
        holder.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": migration.ADVISORY_LOCK})
        upgrade = pool.submit(migration.upgrade, postgres_url)
        give_up = time.monotonic() + 20
        while not holder.execute(waiting).scalar():
            assert time.monotonic() < give_up, "the upgrade did not wait"
            assert not upgrade.done()
        holder.rollback()
        assert upgrade.result(20)
    engine.dispose()


def test_a_migration_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE crash_journal (in_the_way INTEGER)"))
    with pytest.raises(StorageFailed, match="crash_journal"):
        migration.upgrade(empty_url)
    with engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == ["crash_journal"]
    engine.dispose()


def test_to_ask_for_the_revision_makes_no_file(tmp_path: Path) -> None:
    assert migration.current(f"sqlite:///{tmp_path / 'absent.db'}") is None
    assert not any(tmp_path.iterdir())


def test_a_folder_that_does_not_exist_is_an_outage_in_words(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="unable to open database file"):
        migration.upgrade(f"sqlite:///{tmp_path / 'nowhere' / 'tasks.db'}")


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear database, " * 100)
    before = file.read_bytes()
    with pytest.raises(StorageFailed, match="not a database"):
        migration.upgrade(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_a_database_of_the_first_revision_gets_the_tables_of_the_second_and_keeps_what_it_holds(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(command, "upgrade", partial(_upgrade_to, "0001", command.upgrade))
        migration.upgrade(empty_url)
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(users.insert().values(email="a@b", password_hash="h", created_at=datetime.now(UTC)))
    assert migration.current(empty_url) == "0001"
    assert migration.upgrade(empty_url)
    assert migration.is_current(empty_url)
    with engine.connect() as connection:
        assert connection.execute(sa.select(users.c.email)).scalars().all() == ["a@b"]
        assert {"rate_windows", "login_failures"} <= set(sa.inspect(connection).get_table_names())
    engine.dispose()


def _upgrade_to(revision: str, upgrade: Callable[[Config, str], None], config: Config, _head: str) -> None:
    upgrade(config, revision)
