"""`taskmanager worker --metrics-port`: one page for all processes, which goes on counting when one of them dies."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.command import Commands, RunningCommand
from testbed.waiting import wait_until

LIMIT = 30.0


def page(worker: RunningCommand, path: str) -> tuple[int, str]:
    """Ask for a page of the worker; the worker's log says where it is."""
    found = re.search(r"metrics at (http://127\.0\.0\.1:\d+)/metrics", worker.output)
    assert found, worker.output
    try:
        with urllib.request.urlopen(f"{found[1]}{path}", timeout=LIMIT) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def count(worker: RunningCommand, action: str) -> float:
    """How many requests of an action were answered well."""
    families = text_string_to_metric_families(page(worker, "/metrics")[1])
    samples = [sample for family in families for sample in family.samples if sample.name == "leveret_requests_total"]
    return sum(each.value for each in samples if (each.labels["action"], each.labels["outcome"]) == (action, "ok"))


def until_counted(worker: RunningCommand, number: int) -> None:
    wait_until(lambda: count(worker, "health_check") == number, f"{number} counted requests", limit=LIMIT)


def until_status(worker: RunningCommand, path: str, status: int) -> None:
    wait_until(lambda: page(worker, path)[0] == status, f"status {status} of {path}", limit=LIMIT)


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_the_sums_go_on_when_one_of_several_processes_is_killed(commands: Commands) -> None:
    parent = commands.worker("--processes", "2", "--metrics-port", "0")
    parent.says(f"consuming {commands.topology.requests}", count=2)
    until_status(parent, "/health/startup", 200)
    for _ in range(6):
        commands.call("health_check")
    until_counted(parent, 6)
    victim = int(re.findall(r"process (\d+) runs as number", parent.output)[0])
    os.kill(victim, signal.SIGKILL)
    parent.says(f"consuming {commands.topology.requests}", count=3)
    assert count(parent, "health_check") == 6
    for _ in range(6):
        commands.call("health_check")
    until_counted(parent, 12)
    assert page(parent, "/health/live") == (200, "ok\n")
    assert parent.stop() == 0


def test_a_worker_whose_database_is_away_is_alive_and_not_ready(commands: Commands) -> None:
    worker = commands.worker("--metrics-port", "0")
    until_status(worker, "/health/ready", 200)
    file = commands.folder / "taskmanager.db"
    file.rename(commands.folder / "elsewhere.db")
    until_status(worker, "/health/ready", 503)
    assert page(worker, "/health/live") == (200, "ok\n")
    (commands.folder / "elsewhere.db").rename(file)
    until_status(worker, "/health/ready", 200)


def test_a_worker_whose_broker_is_away_is_alive_and_not_started(commands: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"amqp://127.0.0.1:{taken.getsockname()[1]}/"
    before = commands.variables.copy()
    commands.variables |= {"AMQP_URL": nobody, "METRICS_PORT": "0"}
    worker = commands.start("worker")
    commands.variables |= before
    worker.says("cannot reach the broker")
    assert page(worker, "/health/live") == (200, "ok\n")
    assert page(worker, "/health/ready")[0] == 503
    assert page(worker, "/health/startup") == (503, "0 of 1 processes have consumed so far\n")


def test_a_port_in_use_ends_the_command_with_one_line(commands: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = commands.run("worker", "--metrics-port", str(port))
    assert done.returncode == 2
    line = f"taskmanager: metrics cannot be served at 127.0.0.1, port {port}: Address already in use"
    assert done.stderr.splitlines()[-1] == line
