"""`taskmanager topology users`: what it prints can be given to a shell as it is."""

import shlex

import pytest
from typer.testing import CliRunner

from leveret.settings import environment
from taskmanager.cli.command import command


@pytest.mark.parametrize("name", ["^a'b", "^x'; touch there; '", "a b", "$(touch there)"])
def test_no_name_breaks_out_of_the_printed_commands(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in [setting for setting in environment() if setting.startswith("TASKMANAGER_")]:
        monkeypatch.delenv(setting)
    done = CliRunner().invoke(command.typer, ["topology", "users", "--caller", name], catch_exceptions=False)
    lines = [shlex.split(line) for line in done.output.splitlines()]
    assert lines[0] == ["rabbitmqctl", "add_user", name]
    assert lines[1] == ["rabbitmqctl", "set_permissions", "-p", "/", name, "^$", r"^api\.direct$", "^$"]
    assert len(lines) == 4
