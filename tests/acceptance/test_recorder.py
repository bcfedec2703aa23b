"""`taskmanager recorder`: what a worker was doing when it was killed."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from leveret.client import Client
from support.command import LIMIT, Commands, RunningCommand
from testbed.waiting import wait_until


def recording_of(commands: Commands, worker: RunningCommand, *arguments: str) -> dict[str, Any]:
    """Return the recording of one worker; others may work on this machine."""
    found = json.loads(commands.run("recorder", "--json", *arguments).stdout)
    return next((each for each in found if each["pid"] == worker.process.pid), {})


@pytest.fixture
def worker(commands: Commands) -> Iterator[RunningCommand]:
    """A worker that records; its recording is removed afterwards."""
    commands.variables["RECORDER"] = "on"
    worker = commands.worker()
    path = Path(recording_of(commands, worker)["path"])
    yield worker
    with suppress(ProcessLookupError):
        worker.process.kill()
    worker.process.wait()
    for each in path, path.with_suffix(".lock"):
        each.unlink(missing_ok=True)


async def test_what_a_killed_worker_had_done_and_had_in_hand_is_shown(
    commands: Commands, worker: RunningCommand
) -> None:
    token = commands.log_in()
    file = commands.folder / "taskmanager.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # the worker's next transaction waits for the end of this one
        async with Client(commands.settings.amqp_url, topology=commands.topology) as client:
            await client.send("create_task", {"title": "x"}, version="v1", token=token, id="killed-in-hand")
            wait_until(
                lambda: recording_of(commands, worker)["requests"][0]["action"] == "v1.create_task",
                "its record",
                limit=LIMIT,
            )
        worker.stop(signal.SIGKILL)
    found = recording_of(commands, worker)
    assert not found["alive"]
    assert found["closed"] is None
    first, *others = found["requests"]
    assert (first["id"], first["action"], "settled" in first) == ("killed-in-hand", "v1.create_task", False)
    assert {(each["action"], each["outcome"]) for each in others} == {("v1.register", "ok"), ("v1.login", "ok")}
    (only,) = recording_of(commands, worker, "killed-in-hand")["requests"]
    assert only == first
    text = commands.run("recorder").stdout
    assert f"DIED:  taskmanager worker {worker.process.pid}, since" in text
    assert "in hand when it died" in text


def test_a_worker_that_is_stopped_has_ended(commands: Commands, worker: RunningCommand) -> None:
    assert worker.stop() == 0
    assert recording_of(commands, worker)["closed"]
    missing = commands.run("recorder", "no-such-id")
    assert (missing.returncode, missing.stdout.startswith("nothing is recorded of no-such-id")) == (1, True)
