"""`taskmanager worker --processes N`: a parent that keeps its workers running, and workers that do not outlive it."""

from __future__ import annotations

import os
import re
import signal
import sys

import pytest

from support.command import Commands, RunningCommand, children
from testbed.waiting import is_alive, wait_until_gone

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="looks into /proc and sends POSIX signals")


def two_processes(commands: Commands) -> RunningCommand:
    parent = commands.worker("--processes", "2")
    parent.says(f"consuming {commands.topology.requests}", count=2)
    return parent


def process_ids(parent: RunningCommand) -> list[int]:
    """The workers, in the order of their start."""
    return [int(found) for found in re.findall(r"process (\d+) runs as number", parent.output)]


def test_several_processes_work_and_stop_together(commands: Commands) -> None:
    parent = two_processes(commands)
    workers = process_ids(parent)
    assert sorted(workers) == sorted(children(parent.process.pid))
    assert commands.call("health_check") == {"status": "ok"}
    assert parent.stop() == 0
    assert not any(map(is_alive, workers))
    assert parent.output.count(" stopped") == 2


def test_a_worker_that_is_stuck_ends_itself_and_is_started_again(commands: Commands) -> None:
    commands.variables |= {"WATCHDOG": "1s", "ALLOW_SIMULATED_ERRORS": "true"}
    parent = two_processes(commands)
    token = commands.log_in()
    assert commands.call("create_task", token=token, title="Hangs once", simulate_hang=True)["title"] == "Hangs once"
    parent.says("ended with exit code 70; started again in")
    deaf = r"deaf: for 1 s none of the requests in hand \(1\) came to an end; lane-1: .*hang_if_asked"
    assert re.search(deaf, parent.output)
    assert "This worker ended itself, start another one: for 1 s" in parent.output
    assert parent.stop() == 0


def test_a_worker_that_dies_is_started_again_and_that_is_said(commands: Commands) -> None:
    parent = two_processes(commands)
    victim, other = process_ids(parent)
    os.kill(victim, signal.SIGKILL)
    parent.says(f"process {victim} was ended by SIGKILL; started again in")
    parent.says(f"consuming {commands.topology.requests}", count=3)
    assert sorted(children(parent.process.pid)) == sorted([other, process_ids(parent)[2]])
    assert commands.call("health_check") == {"status": "ok"}
    assert parent.stop(signal.SIGINT) == 0
    assert not any(map(is_alive, process_ids(parent)))


def test_workers_end_when_their_parent_is_killed(commands: Commands) -> None:
    parent = two_processes(commands)
    workers = process_ids(parent)
    parent.process.kill()
    wait_until_gone(workers)
    assert parent.output.count("stopping: what is in hand is finished first") == 2


def test_a_refusal_that_no_new_start_would_change_ends_all_with_its_code(commands: Commands) -> None:
    commands.make_queues()
    commands.variables["RETRY_DELAY"] = "7s"
    parent = commands.start("worker", "--processes", "2")
    assert parent.ends() == 3
    assert "exists with other arguments" in parent.output
    assert "started again" not in parent.output
    assert not any(map(is_alive, process_ids(parent)))
