"""What a worker keeps in memory: each library that is imported costs start time and megabytes in every process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = """
import sys
import taskmanager.__main__
from leveret.settings import environment
from taskmanager.actions import app
from taskmanager.cli.command import command

app.prepare_database(app.defaults.updated(environment()))
command.typer(["worker", "--supervised"], standalone_mode=False)  # until the end of its input, which is there at once
print(*sys.modules)
"""

NOT_FOR_A_WORKER = [
    "alembic",
    "cryptography",
    "http.client",
    "jwt",
    "leveret.broker.granting",
    "leveret.broker.management",
    "leveret.devbroker.node",
    "leveret.devbroker.probe",
    "leveret.letters.redrive",
    "mako",
    "pydantic",
    "rich",
    "sqlalchemy.dialects.postgresql",
    "taskmanager.demo.run",
]


def modules_of_a_worker(folder: Path) -> set[str]:
    settings = {"DATABASE_URL": f"sqlite:///{folder / 'tasks.db'}", "AMQP_URL": "amqp://127.0.0.1:1"}  # nobody is there
    done = subprocess.run(
        [sys.executable, "-P", "-c", WORKER],
        env={**os.environ, **{f"TASKMANAGER_{name}": value for name, value in settings.items()}},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_a_worker_on_a_current_database_imports_nothing_that_only_others_need(tmp_path: Path) -> None:
    assert "alembic" in modules_of_a_worker(tmp_path)  # it makes the tables
    imported = modules_of_a_worker(tmp_path)
    assert "leveret.cli.serving.worker" in imported
    assert imported & set(NOT_FOR_A_WORKER) == set()


@pytest.mark.parametrize("word", ["--version", "db"])
def test_a_command_imports_no_other_one(word: str) -> None:
    program = f"""
import sys
from typer.testing import CliRunner
from taskmanager.cli.command import command
print(CliRunner().invoke(command.typer, [{word!r}, "--help"]).exit_code, *sys.modules)
"""
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    code, *imported = done.stdout.split()
    assert code == "0"
    assert "leveret.cli.commands" in imported
    assert {"leveret.cli.serving.worker", "leveret.cli.operating.keys", "taskmanager.cli.demo"}.isdisjoint(imported)


@pytest.mark.parametrize(
    "words", [["call", "v1.health_check"], ["queues"], ["letters", "list"]], ids=lambda words: words[0]
)
def test_a_command_that_runs_no_requests_imports_neither_a_worker_nor_another_database(words: list[str]) -> None:
    program = f"""
import sys
from typer.testing import CliRunner
from taskmanager.cli.command import command
CliRunner().invoke(command.typer, {words!r})
print(*sys.modules)
"""
    nobody = {"TASKMANAGER_AMQP_URL": "amqp://127.0.0.1:1", "TASKMANAGER_JWT_SECRET": "s" * 32}
    run = [sys.executable, "-P", "-c", program]
    done = subprocess.run(run, env={**os.environ, **nobody}, capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "leveret.client" in imported or "leveret.broker.connecting" in imported
    assert imported & {"leveret.worker", "leveret.inbox", "sqlalchemy.dialects.postgresql", "alembic"} == set()
