"""Commands as real processes, with a folder and queues for each test: `taskmanager`, or that of another application."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leveret import App, BlockingClient, Settings, Topology
from leveret.broker.queues import apply_topology, remove_topology
from leveret.sql import schema
from taskmanager.actions import app as taskmanager
from testbed.waiting import is_alive, wait_until

COMMAND = [sys.executable, "-P", "-m", "taskmanager"]
LIMIT = 30.0
"""Seconds after which a test that waits has failed."""


@dataclass
class RunningCommand:
    """A command that runs and writes its output to a file."""

    process: subprocess.Popen[bytes]
    path: Path

    @property
    def output(self) -> str:
        """Everything that the command has written so far, on both streams."""
        return self.path.read_text(errors="replace")

    def says(self, text: str, *, count: int = 1) -> None:
        """Wait until the command has written a text ``count`` times."""
        try:
            wait_until(lambda: self.output.count(text) >= count, f"{text!r} in its output", limit=LIMIT)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output}") from None

    def ends(self) -> int:
        """Wait until the command has ended, and return the exit code."""
        try:
            return self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it still runs after {LIMIT} s:\n{self.output}") from None

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait until the command has ended, and return the exit code."""
        self.process.send_signal(how)
        return self.ends()


@dataclass
class Commands:
    """Runs commands of an application with settings of their own.

    `variables` holds the settings, named without their prefix; `command` is what runs; `application` is the one that it
    works for.
    """

    folder: Path
    variables: dict[str, str]
    running: list[RunningCommand] = field(default_factory=list)
    command: Sequence[str] = tuple(COMMAND)
    application: App[Any] = taskmanager

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the commands, without settings of this process and without a terminal's width."""
        prefix = self.application.prefix
        foreign = ("TASKMANAGER_", prefix, "COLUMNS", "LINES")
        mine = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return mine | {f"{prefix}{name}": value for name, value in self.variables.items()}

    @property
    def settings(self) -> Settings:
        """The settings that the commands read."""
        return self.application.defaults.updated(self.environment)

    @property
    def topology(self) -> Topology:
        """The names at the broker that the commands use."""
        return self.application.topology(self.settings)

    @property
    def database_url(self) -> str:
        """Address of the database that the commands use, valid in any working folder."""
        file = self.settings.sqlite_file
        return self.settings.database_url if file is None else f"sqlite:///{self.folder / file}"

    def run(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[str]:
        """Run a command until it ends."""
        done = subprocess.run(
            [*self.command, *arguments],
            input=given,
            capture_output=True,
            check=False,
            cwd=self.folder,
            env=self.environment,
            timeout=2 * LIMIT,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def answer(self, answer: str, *arguments: str, check: bool = True) -> str:
        """Run a command whose input is a terminal on which somebody types a line; return what it printed."""
        here, terminal = os.openpty()
        try:
            os.write(here, f"{answer}\n".encode())
            done = subprocess.run(
                [*self.command, *arguments],
                stdin=terminal,
                capture_output=True,
                check=check,
                cwd=self.folder,
                env=self.environment,
                timeout=2 * LIMIT,
            )
            return done.stdout.decode()
        finally:
            os.close(here)
            os.close(terminal)

    def terminal(self, *arguments: str, width: int = 120) -> tuple[int, str]:
        """Run a command whose output is a terminal; return the exit code and what was printed there."""
        here, terminal = os.openpty()
        with subprocess.Popen(
            [*self.command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env=self.environment | {"COLUMNS": str(width), "NO_COLOR": "1"},
        ) as process:
            os.close(terminal)
            printed = b""
            while some := _read(here):
                printed += some
            os.close(here)
            return process.wait(LIMIT), printed.decode()

    def start(self, *arguments: str) -> RunningCommand:
        """Start a command and leave it running."""
        path = self.folder / f"output-{len(self.running)}.txt"
        with path.open("wb") as stream:
            process = subprocess.Popen(
                [*self.command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd=self.folder,
                env=self.environment,
            )
        self.running.append(RunningCommand(process, path))
        return self.running[-1]

    def worker(self, *arguments: str) -> RunningCommand:
        """Start a worker and wait until it consumes."""
        worker = self.start("worker", *arguments)
        worker.says(f"consuming {self.topology.requests}")
        return worker

    def call(self, action: str, *, version: str = "v1", token: str = "", **data: Any) -> Any:
        """Call an action in this process, because that is faster than starting the command."""
        with BlockingClient(self.settings.amqp_url, topology=self.topology) as client:
            return client.call(action, data, version=version, token=token, timeout=LIMIT)

    def make_queues(self) -> None:
        """Do what `topology apply` does, in this process for the same reason."""
        asyncio.run(apply_topology(self.settings.amqp_url, self.topology))

    def make_tables(self) -> None:
        """Do what `db upgrade` does, in this process for the same reason."""
        schema.upgrade(self.database_url, self.application.schema, self.application.names)

    def log_in(self, email: str = "ada@example.com") -> str:
        """Register a user and return a token."""
        self.call("register", email=email, password="correct horse", full_name="Ada")
        return str(self.call("login", email=email, password="correct horse")["access_token"])

    def clear(self) -> None:
        """End all commands that still run, and remove the queues."""
        for running in self.running:
            if running.process.poll() is None:
                running.process.kill()
            running.process.wait()
        asyncio.run(remove_topology(self.settings.amqp_url, self.topology))


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when nobody has the other end open
        return b""


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    command = ["/bin/ps", "-o", "pid=", "--ppid", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [child for child in map(int, done.stdout.split()) if is_alive(child)]
