"""Letters sent again as an operation, on the command line: killed and resumed, interrupted, in steps."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from typing import Any

from support.command import COMMAND, LIMIT, Commands
from support.dead_requests import depths, write_letters
from testbed.waiting import wait_until


def refuse_tasks(commands: Commands, title: str) -> None:
    """Let the database refuse tasks of a title: a fault that stays."""
    connection = sqlite3.connect(commands.folder / "taskmanager.db")
    refusal = "BEGIN SELECT RAISE(ABORT, 'a rule of the database'); END"
    connection.execute(f"CREATE TRIGGER refuse BEFORE INSERT ON tasks WHEN NEW.title = '{title}' {refusal}")
    connection.close()


def last(text: str) -> Any:
    return json.loads(text.splitlines()[-1])


def test_an_operation_whose_process_was_killed_is_taken_over_with_nothing_twice_and_nothing_forgotten(
    commands: Commands,
) -> None:
    token = write_letters(commands, "a", "b", "c")
    dying = commands.start("letters", "redrive", "--all", "--rate", "1/h", "--json", "--why", "mended", "--by", "ada")
    dying.says('"sent":1')
    dying.stop(signal.SIGKILL)
    assert depths(commands) == [1, 0, 2]
    (listed,) = map(json.loads, commands.run("letters", "operations").stdout.splitlines())
    assert (listed["state"], listed["by_whom"], listed["counts"]["wanted"]) == ("running", "ada", 2)

    refused = commands.run("letters", "resume", listed["id"])
    assert refused.returncode == 1
    assert f"operation {listed['id']} is run by ada (process {dying.process.pid} on " in refused.stderr
    commands.worker()
    done = commands.run("letters", "resume", listed["id"][:6], "--take-over", "--rate", "50/s", "--json", "--by", "bob")
    assert done.returncode == 0, done.stderr
    summary = last(done.stdout)
    assert (summary["state"], summary["counts"]["succeeded"], summary["owner"][:4]) == ("done", 3, "bob ")
    assert len(commands.call("list_tasks", token=token)) == 3
    assert depths(commands) == [0, 0, 0]


def test_an_operation_goes_on_when_nobody_reads_its_output_any_more(commands: Commands) -> None:
    token = write_letters(commands, "a", "b", "c")
    commands.worker()
    command = [*COMMAND, "letters", "redrive", "--all", "--rate", "2/s"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=commands.folder, env=commands.environment
    ) as running:
        assert running.stdout
        assert running.stderr
        assert running.stdout.readline().startswith(b"operation ")
        running.stdout.close()
        assert (running.wait(LIMIT), running.stderr.read()) == (141, b"")
    (listed,) = map(json.loads, commands.run("letters", "operations").stdout.splitlines())
    assert (listed["state"], listed["counts"]["succeeded"]) == ("done", 3)
    assert len(commands.call("list_tasks", token=token)) == 3


def test_no_step_follows_a_failure_and_ctrl_c_pauses(commands: Commands) -> None:
    token = write_letters(commands, "a", "b", "c")
    dry = commands.run("letters", "redrive", "--all", "--steps", "1,all", "--dry-run")
    assert dry.stdout.splitlines()[2:] == [
        "would be sent again: c",
        "Nothing was sent. It would be 3 letters, in steps of 1 and 2.",
    ]
    commands.worker()
    refuse_tasks(commands, "a")
    stopped = commands.run("letters", "redrive", "--all", "--steps", "1,all")
    assert stopped.returncode == 1
    begun, *_, failed, end = stopped.stdout.splitlines()
    name = begun.split()[1].rstrip(":")
    assert begun == f"operation {name}: 3 letters, in steps of 1 and 2"
    assert failed.startswith("failed again: a: ")
    assert end == (
        f"operation {name} is stopped, 1 letter of step 1 of 2 failed again: "
        "0 succeeded, 1 failed again, 2 not sent yet"
    )
    assert stopped.stderr.endswith(f"`taskmanager letters resume {name}` goes on with it\n")

    running = commands.start("letters", "resume", name, "--rate", "1/h")
    running.says("2 of 3 handled")
    assert running.stop(signal.SIGINT) == 130
    assert f"operation {name} is paused, paused by " in running.output
    assert "does not run: it is paused" in commands.run("letters", "pause", name).stderr
    assert commands.run("letters", "resume", name, "--rate", "50/s").returncode == 1  # one has failed again before
    wait_until(lambda: len(commands.call("list_tasks", token=token)) == 2, "the tasks of the others")
    shown = commands.run("letters", "operations", name).stdout.splitlines()
    assert [(each["id"], each["state"]) for each in map(json.loads, shown[1:])] == [
        ("a", "failed"),
        ("b", "succeeded"),
        ("c", "succeeded"),
    ]
    assert depths(commands) == [0, 0, 1]
