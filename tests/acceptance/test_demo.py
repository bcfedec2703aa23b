"""`taskmanager demo`: it shows what it promises, and leaves nothing behind, however it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from leveret.broker.queues import report_queues
from leveret.topology import Topology
from support.command import COMMAND, Commands, RunningCommand, children
from testbed.waiting import wait_until_gone, wait_until_left

STEPS = (
    "1  health_check",
    "2  register",
    "3  login",
    "4  create_task",
    "5  list_tasks",
    "6  update_task, version 2",
    "7  the same request, three times",
    "8  retry and dead letter",
    "9  the letter in ",
    "10  a worker killed while it runs a request",
    "11  the queues",
)
LINES = (
    "ok: demo-01 v1.health_check",
    "ok: demo-06 v2.update_task",
    "idem-replay: demo-07 v1.create_task",
    "retry #1 for demo-08 because simulated temporary error",
    "retry #3 for demo-08 because simulated temporary error",
    "dead-lettered: demo-08 err=retries exhausted: simulated temporary error",
    "simulated hang for demo-10",
    "ok: demo-10 v1.create_task",
)


class Demos:
    """Starts demonstrations whose temporary files are all in a folder of their own."""

    def __init__(self) -> None:
        self.started: list[RunningCommand] = []

    def start(self, folder: Path, url: str | None = None, *arguments: str) -> RunningCommand:
        folder.mkdir()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TASKMANAGER_")}
        environment |= {"TMPDIR": str(folder), "COLUMNS": "100"} | ({"TASKMANAGER_AMQP_URL": url} if url else {})
        path = folder / "output.txt"
        command = [*COMMAND, "demo", "--retry-delay", "200ms", *arguments]
        with path.open("wb") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=stream, cwd=folder, env=environment)
        self.started.append(RunningCommand(process, path))
        return self.started[-1]


@pytest.fixture
def demos() -> Iterator[Demos]:
    """Demonstrations; one that still runs after the test is interrupted, and clears up by itself."""
    demos = Demos()
    yield demos
    for demo in demos.started:
        if demo.process.poll() is None:
            demo.stop(signal.SIGINT)


def assert_nothing_is_left(folder: Path) -> None:
    """No process of the demonstration runs, and its folders are gone."""
    wait_until_left(folder)
    assert [path.name for path in folder.iterdir()] == ["output.txt"]


def assert_all_was_shown(output: str) -> None:
    for text in (*STEPS, *LINES, "Shown and checked in "):
        assert text in output, output
    assert "correct horse" not in output
    assert "guest:guest" not in output


def test_two_demonstrations_at_the_same_time_show_everything_and_leave_nothing(demos: Demos, tmp_path: Path) -> None:
    both = [demos.start(tmp_path / name) for name in ("one", "two")]
    for demo in both:
        assert demo.ends() == 0, demo.output
        assert_all_was_shown(demo.output)
        assert_nothing_is_left(demo.path.parent)


def test_on_a_named_broker_it_uses_queues_of_its_own_and_removes_them(
    commands: Commands, demos: Demos, tmp_path: Path
) -> None:
    url = commands.settings.amqp_url
    demo = demos.start(tmp_path / "demo", url, "--workers", "3")
    assert demo.ends() == 0, demo.output
    assert_all_was_shown(demo.output)
    assert "with queues of its own" in demo.output
    title = next(line for line in demo.output.splitlines() if line.startswith("9  the letter in "))
    prefix = title.split()[4].removesuffix(".requests.dlq")
    assert prefix.startswith("demo-")
    assert [report.messages for report in asyncio.run(report_queues(url, Topology(prefix)))] == [None] * 3
    assert_nothing_is_left(demo.path.parent)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_in_the_middle_it_leaves_nothing(
    commands: Commands, demos: Demos, tmp_path: Path, how: signal.Signals
) -> None:
    demo = demos.start(tmp_path / "demo", commands.settings.amqp_url, "--retry-delay", "9s")
    demo.says("8  retry and dead letter")
    started = children(demo.process.pid)
    assert len(started) == 2
    demo.process.send_signal(how)
    assert demo.ends() == 130
    assert "Traceback" not in demo.output
    assert_nothing_is_left(demo.path.parent)


def test_interrupted_while_the_private_broker_boots_it_leaves_nothing(demos: Demos, tmp_path: Path) -> None:
    demo = demos.start(tmp_path / "demo")
    demo.says("workers   2 processes")
    demo.process.send_signal(signal.SIGINT)
    assert demo.ends() == 130
    assert_nothing_is_left(demo.path.parent)


def test_killed_without_a_chance_to_stop_them_its_workers_end(commands: Commands, demos: Demos, tmp_path: Path) -> None:
    demo = demos.start(tmp_path / "demo", commands.settings.amqp_url, "--keep")
    demo.says("Everything keeps running until Ctrl-C.")
    left = children(demo.process.pid)
    assert len(left) == 1
    demo.process.kill()
    demo.ends()
    wait_until_gone(left)


def test_a_step_that_does_not_come_out_as_promised_ends_it_with_1(
    commands: Commands, demos: Demos, tmp_path: Path
) -> None:
    demo = demos.start(tmp_path / "demo", commands.settings.amqp_url, "--retry-delay", "1s")
    demo.says("8  retry and dead letter")
    for worker in children(demo.process.pid):
        os.kill(worker, signal.SIGKILL)
    assert demo.ends() == 1
    assert "The demonstration failed: v1.create_task demo-08 has no reply within" in demo.output
    assert "Traceback" not in demo.output
    assert_nothing_is_left(demo.path.parent)


def test_wrong_options_end_it_with_2_before_anything_starts(demos: Demos, tmp_path: Path) -> None:
    misnamed = demos.start(tmp_path / "misnamed", "amqp://127.0.0.1:1/a/b")
    assert misnamed.ends() == 2
    assert (
        "TASKMANAGER_AMQP_URL: expected amqp://user:password@host:port/vhost or amqps://...: the vhost has a slash"
        in misnamed.output
    )
    assert "Traceback" not in misnamed.output
    for number, arguments in enumerate((["--retry-delay", "soon"], ["--retry-delay", "11s"], ["--workers", "1"])):
        demo = demos.start(tmp_path / str(number), None, *arguments)
        assert demo.ends() == 2
        assert arguments[0] in demo.output
        assert_nothing_is_left(demo.path.parent)
