"""Keys are rotated with the commands of the documentation, while a worker runs and nobody is logged out."""

from __future__ import annotations

import jwt
import pytest

from leveret.errors import Unauthenticated
from support.command import Commands

PASSWORD = "correct horse"


def log_in(commands: Commands) -> str:
    return str(commands.call("login", email="ada@example.com", password=PASSWORD)["access_token"])


def test_keys_are_rotated_without_a_stop(commands: Commands) -> None:
    commands.variables["JWT_KEYS"] = "keys.json"

    def keys(*arguments: str) -> str:
        done = commands.run("keys", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    keys("add", "old")
    worker = commands.worker()
    tokens = [commands.log_in()]
    for number, step in enumerate([("sign", "old"), ("add", "new"), ("sign", "new")]):
        worker.says(f"keys of {keys(*step).strip()}")
        tokens.append(log_in(commands))
        for token in tokens:
            commands.call("create_task", token=token, title=f"after step {number}")
    assert [jwt.get_unverified_header(token).get("kid") for token in tokens] == [None, "old", "old", "new"]
    worker.says(f"keys of {keys('remove', 'old').strip()}")
    for token in tokens[1:3]:
        with pytest.raises(Unauthenticated, match="Token missing, invalid or expired"):
            commands.call("list_tasks", token=token)
    for token in (tokens[0], tokens[3]):
        assert len(commands.call("list_tasks", token=token)) == 2 + 3 + 4
    assert worker.stop() == 0
    assert "Traceback" not in worker.output


def test_a_broken_file_stops_no_worker_and_starts_none(commands: Commands) -> None:
    commands.variables["JWT_KEYS"] = "keys.json"
    file = commands.folder / "keys.json"
    assert commands.run("keys", "add", "a").returncode == 0
    worker = commands.worker()
    token = commands.log_in()
    file.write_text('{"keys": [')
    worker.says("ERROR   ")
    assert "keys stay as they were: keys.json: this is not JSON: Expecting value in line 1" in worker.output
    assert commands.call("list_tasks", token=token) == []
    assert worker.stop() == 0
    ended = commands.run("worker")
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == (
        "taskmanager: TASKMANAGER_JWT_KEYS: keys.json: this is not JSON: Expecting value in line 1"
    )
