"""Projects that `leveret new` makes, in real processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leveret import App
from leveret.broker.queues import remove_topology
from support.command import LIMIT, RunningCommand

LEVERET = ("-P", "-m", "leveret")


@dataclass
class Project:
    """A project's folder, and the commands that run in it; `variables` holds its settings, without their prefix."""

    folder: Path
    prefix: str
    variables: dict[str, str] = field(default_factory=dict)
    python: str = sys.executable
    running: list[RunningCommand] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the commands, without settings of this process and without a terminal's width."""
        foreign = ("TASKMANAGER_", self.prefix, "COLUMNS", "LINES", "PYTEST_", "MYPY")
        mine = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return mine | {f"{self.prefix}{name}": value for name, value in self.variables.items()}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Python with these words in the project's folder, until it ends."""
        return subprocess.run(
            [self.python, *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=4 * LIMIT,
        )

    def leveret(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command `leveret` in the project's folder."""
        return self.run(*LEVERET, *words)

    def start(self, *words: str) -> RunningCommand:
        """Start the command `leveret` in the project's folder and leave it running."""
        path = self.folder / f"output-{len(self.running)}.txt"
        with path.open("wb") as stream:
            process = subprocess.Popen(
                [self.python, *LEVERET, *words],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd=self.folder,
                env=self.environment,
            )
        self.running.append(RunningCommand(process, path))
        return self.running[-1]

    def change(self, path: str, old: str, new: str) -> None:
        """Replace a text in one of the project's files."""
        text = (self.folder / path).read_text()
        assert old in text
        (self.folder / path).write_text(text.replace(old, new))

    def clear(self) -> None:
        """End all commands that still run, and remove the queues where a broker is named."""
        for running in self.running:
            if running.process.poll() is None:
                running.process.kill()
            running.process.wait()
        if "AMQP_URL" not in self.variables:
            return
        app: App[Any] = App("any", prefix=self.prefix)
        usual = {
            app.defaults.variable(name): self.variables[name] for name in ("AMQP_URL", "QUEUE_PREFIX", "RETRY_DELAY")
        }
        settings = app.defaults.updated(usual)
        asyncio.run(remove_topology(settings.amqp_url, app.topology(settings)))
