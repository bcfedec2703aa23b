"""Several processes may prepare one database at the same time, and one of them may be killed."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE

import pytest
import sqlalchemy as sa

from leveret.sql import create_engine
from leveret.sql.schema import Schema, is_current, upgrade
from leveret.sql.schema.locking import ADVISORY_LOCK
from support.databases import rows, tables
from support.former_databases import OURS, make_by_hand, make_former
from support.guestbook import CREATE_GUESTS, NAMES, guests, with_migrations, write_revision
from testbed.waiting import wait_until

PROGRAM = """
import sys
from pathlib import Path
from leveret.sql.schema import Schema, upgrade
from support.guestbook import NAMES, guests
from taskmanager.storage.schema import SCHEMA
kind, url, folder = sys.argv[1:]
schema = {
    "nothing": Schema(),
    "tables": Schema(tables=guests()),
    "migrations": Schema(migrations=Path(folder)),
    "the Task Manager": SCHEMA,
}[kind]
print("ready", flush=True)
sys.stdin.readline()
print(upgrade(url, schema, NAMES))
"""
SUPPORT = Path(__file__).parents[3]


def program(running: ExitStack, kind: str, url: str, folder: Path) -> "subprocess.Popen[str]":
    """Start a process that waits for a line and then upgrades."""
    command = [sys.executable, "-c", PROGRAM, kind, url, str(folder)]
    process = running.enter_context(
        subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True, cwd=SUPPORT)
    )
    running.callback(process.kill)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: "subprocess.Popen[str]") -> None:
    """Let a process that waits begin."""
    assert process.stdin
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.mark.parametrize("kind", ["nothing", "tables", "migrations", "the Task Manager"])
def test_processes_that_upgrade_at_once_agree(empty_url: str, tmp_path: Path, kind: str) -> None:
    with_migrations(tmp_path / "migrations")
    agree(kind, empty_url, tmp_path / "migrations")


@pytest.mark.parametrize("made", [OURS[:2], OURS])
def test_processes_that_adopt_tables_at_once_agree(empty_url: str, tmp_path: Path, made: tuple[str, ...]) -> None:
    make_by_hand(empty_url, *made)
    before = rows(empty_url, "processed_requests")
    agree("nothing", empty_url, tmp_path)
    assert rows(empty_url, "processed_requests") == before != []
    assert rows(empty_url, "leveret_version") == [("0006",)]


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_processes_that_take_over_a_former_database_at_once_agree(
    empty_url: str, tmp_path: Path, revision: str
) -> None:
    make_former(empty_url, revision)
    before = rows(empty_url, "tasks")
    agree("the Task Manager", empty_url, tmp_path)
    assert rows(empty_url, "tasks") == [(*task, 1) for task in before] != []
    assert rows(empty_url, "alembic_version") == [("0003",)]
    assert rows(empty_url, "leveret_version") == [("0006",)]


def agree(kind: str, url: str, folder: Path) -> None:
    """Let three processes upgrade at once; one of them does it, and none fails."""
    with ExitStack() as running:
        processes = [program(running, kind, url, folder) for _ in range(3)]
        for process in processes:
            go(process)
        answers = [process.communicate(timeout=60) for process in processes]
    assert sorted(answers) == [("False\n", "")] * 2 + [("True\n", "")]


@pytest.mark.parametrize("made", [(), OURS[:2], OURS])
def test_a_process_that_is_killed_in_the_middle_changes_nothing_and_the_next_one_does_it_all(
    empty_url: str, tmp_path: Path, made: tuple[str, ...]
) -> None:
    folder, reached = tmp_path / "migrations", tmp_path / "reached"
    wait = f"from pathlib import Path\nimport time\nPath({str(reached)!r}).touch()\ntime.sleep(60)"
    write_revision(folder, "a1", None, f"{CREATE_GUESTS}\n{wait}")
    make_by_hand(empty_url, *made)
    before = {name: rows(empty_url, name) for name in made}
    with ExitStack() as running:
        process = program(running, "migrations", empty_url, folder)
        go(process)
        wait_until(reached.exists, "the migration to begin", limit=30)
        process.kill()
        process.wait()
    assert tables(empty_url) == set(made)
    write_revision(folder, "a1", None, CREATE_GUESTS)
    assert upgrade(empty_url, Schema(tables=guests(), migrations=folder), NAMES)
    assert rows(empty_url, "alembic_version") == [("a1",)]
    assert {name: rows(empty_url, name) for name in made} == before


def test_threads_of_one_process_may_migrate_different_databases_at_once(tmp_path: Path) -> None:
    schema = with_migrations(tmp_path / "migrations")
    urls = [f"sqlite:///{tmp_path / f'{number}.db'}" for number in range(6)]
    with ThreadPoolExecutor(len(urls)) as pool:
        assert all(pool.map(lambda url: upgrade(url, schema, NAMES), urls))
    assert all(is_current(url, schema, NAMES) for url in urls)


def test_an_upgrade_of_postgresql_waits_for_another_one(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with engine.connect() as holder, ThreadPoolExecutor(1) as pool:
        holder.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        done = pool.submit(upgrade, postgres_url, Schema(), NAMES)
        give_up = time.monotonic() + 20
        while not holder.execute(waiting).scalar():
            assert time.monotonic() < give_up, "the upgrade did not wait"
            assert not done.done()
        holder.rollback()
        assert done.result(20)
    engine.dispose()
