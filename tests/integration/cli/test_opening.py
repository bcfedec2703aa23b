"""The command ``worker`` of an application whose resources are missing, or take long."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.command import RunningCommand

PROGRAM = """
import asyncio
from collections.abc import AsyncIterator
from leveret import App, Context

app = App("book")

class Log: ...
class Mailer: ...

@app.resource
async def log() -> AsyncIterator[Log]:
    yield Log()
    print("log closed", flush=True)

@app.action("v1", "send", public=True)
def send(context: Context, log: Log, mailer: Mailer) -> None: ...
"""

SLOW = """
@app.resource
async def mailer(log: Log) -> Mailer:
    print("waiting for the mail server", flush=True)
    await asyncio.Event().wait()
    return Mailer()
"""

STUCK = """
@app.resource
async def mailer(log: Log) -> AsyncIterator[Mailer]:
    yield Mailer()
    raise OSError("the disk is full")
"""

Start = Callable[[str], RunningCommand]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a worker of a program, on a broker that is not there."""
    begun: list[RunningCommand] = []

    def start_worker(program: str) -> RunningCommand:
        (tmp_path / "book.py").write_text(program)
        command = [sys.executable, "-P", "-m", "leveret", "worker", "book:app"]
        environment = {**os.environ, "BOOK_AMQP_URL": "amqp://localhost:1"}
        output = tmp_path / "output"
        with output.open("wb") as file:
            process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=file, stderr=subprocess.STDOUT)
        begun.append(RunningCommand(process, output))
        return begun[-1]

    yield start_worker
    for running in begun:
        running.process.kill()
        running.process.wait()


def test_a_missing_resource_is_one_line_and_wrong_use(start: Start) -> None:
    worker = start(PROGRAM)
    assert worker.ends() == 2
    assert worker.output.splitlines()[-1].endswith(": v1.send wants a Mailer, and no resource returns one")
    assert "Traceback" not in worker.output


@pytest.mark.skipif(sys.platform == "win32", reason="processes cannot send this signal there")
def test_a_worker_that_is_stopped_while_a_resource_takes_long_ends_and_closes_the_others(start: Start) -> None:
    worker = start(PROGRAM + SLOW)
    worker.says("waiting for the mail server")
    assert worker.stop(signal.SIGTERM) == 0
    assert "log closed" in worker.output
    assert "Traceback" not in worker.output
    assert worker.output.splitlines()[-1].endswith("stopped")


@pytest.mark.skipif(sys.platform == "win32", reason="processes cannot send this signal there")
def test_what_cannot_be_closed_is_logged_once_with_its_place(start: Start) -> None:
    worker = start(PROGRAM + STUCK)
    worker.says("cannot reach the broker")
    assert worker.stop(signal.SIGTERM) == 4
    assert worker.output.count("Traceback") == worker.output.count("OSError: the disk is full") == 1
    assert "log closed" in worker.output
    assert "could not be closed, as the log says: book.mailer" in worker.output.splitlines()[-1]
