"""No command shows a password of an address, neither when the address is refused nor when nobody answers there."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskmanager.cli import main

MARK = "xq7zw"
COMMANDS = (
    "worker",
    "call health_check",
    "queues",
    "letters",
    "letters redrive --all",
    "topology apply",
    "topology users",
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A working folder of the test's own, and the log as it was before."""
    monkeypatch.chdir(tmp_path)
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def outcome(
    command: str, settings: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[object, str]:
    """The exit code and everything that was written."""
    for name, text in settings.items():
        monkeypatch.setenv(f"TASKMANAGER_{name}", text)
    monkeypatch.setattr(sys, "argv", ["taskmanager", *command.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    written = capsys.readouterr()
    return ended.value.code, written.out + written.err


@pytest.mark.parametrize("password", [f"12/{MARK}", f"12?{MARK}", f"12#{MARK}", f"12@{MARK}/x", f"12?heartbeat={MARK}"])
@pytest.mark.parametrize("command", COMMANDS)
def test_an_address_that_could_be_misread_is_refused_unseen(
    command: str, password: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, written = outcome(command, {"AMQP_URL": f"amqp://user:{password}@127.0.0.1:1/"}, capsys, monkeypatch)
    assert code == 2
    assert "TASKMANAGER_AMQP_URL" in written
    assert "is written %2F" in written
    assert MARK not in written


@pytest.mark.parametrize("command", [command for command in COMMANDS if "users" not in command and command != "worker"])
def test_where_nobody_answers_host_and_port_are_shown_and_nothing_else(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"AMQP_URL": f"amqp://{MARK}:p@{MARK}%2F@127.0.0.1:1/", "JWT_SECRET": "s" * 32}
    code, written = outcome(command, settings, capsys, monkeypatch)
    assert code == 3
    assert "amqp://127.0.0.1:1" in written
    assert MARK not in written


@pytest.mark.parametrize("password", [f"12@{MARK}", f"12@{MARK}/x", f"12@x:{MARK}", f"12@x?{MARK}"])
@pytest.mark.parametrize("command", ["worker", "db current", "db upgrade"])
def test_a_database_address_that_could_be_misread_is_refused_unseen(
    command: str, password: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"DATABASE_URL": f"postgresql://user:{password}@127.0.0.1:1/name", "JWT_SECRET": "s" * 32}
    code, written = outcome(command, settings, capsys, monkeypatch)
    assert code == 2
    assert "TASKMANAGER_DATABASE_URL" in written
    assert "@ is %40" in written
    assert MARK not in written


@pytest.mark.parametrize("password", [f"12/{MARK}", f"12#{MARK}", f"12?{MARK}", f"a@{MARK}/b"])
def test_the_management_address_is_refused_unseen(
    password: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, written = outcome(f"topology users --apply http://admin:{password}@127.0.0.1:1", {}, capsys, monkeypatch)
    assert code == 2
    assert "is written %2F" in written
    assert MARK not in written
