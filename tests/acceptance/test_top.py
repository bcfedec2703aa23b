"""`top`: in a terminal with keys, and without one."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from support.command import Commands

LIMIT = 30.0
LEAVES_THE_PAGE = b"\x1b[?1049l"
SHOWS_THE_CURSOR = b"\x1b[?25h"


class Terminal:
    """A terminal on which a command runs."""

    def __init__(self, process: subprocess.Popen[bytes], here: int) -> None:
        self.process, self._here = process, here
        self.output = b""

    def shows(self, text: bytes) -> None:
        """Wait until a text was written since the last key."""
        end = time.monotonic() + LIMIT
        while text not in self.output:
            assert time.monotonic() < end, self.output
            self._read()

    def press(self, keys: bytes) -> None:
        self.output = b""
        os.write(self._here, keys)

    def ends(self) -> int:
        end = time.monotonic() + LIMIT
        while self.process.poll() is None:
            assert time.monotonic() < end, self.output
            self._read()
        self._read()
        return self.process.returncode

    def _read(self) -> None:
        if select.select([self._here], [], [], 0.1)[0]:
            try:
                self.output += os.read(self._here, 65536)
            except OSError:  # nobody has the terminal open any more
                return


@contextmanager
def terminal(commands: Commands, *words: str) -> Iterator[Terminal]:
    here, there = os.openpty()
    environment = commands.environment | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    process = subprocess.Popen(
        [*commands.command, *words],
        stdin=there,
        stdout=there,
        stderr=there,
        cwd=commands.folder,
        env=environment,
        start_new_session=True,
    )
    try:
        yield Terminal(process, here)
    finally:
        process.kill()
        process.wait()
        os.close(here)
        os.close(there)


def test_a_page_obeys_keys_and_leaves_the_terminal_as_it_was(commands: Commands) -> None:
    with terminal(commands, "top", "--every", "0.1") as shown:
        shown.shows(b"nothing is in hand")
        shown.shows(b"RabbitMQ")
        shown.press(b"p")
        shown.shows(b"paused")
        shown.press(b"s\x1b[B")
        shown.shows(b"sorted by action")
        shown.press(b"q")
        assert shown.ends() == 0
        assert LEAVES_THE_PAGE in shown.output
        assert SHOWS_THE_CURSOR in shown.output


def test_ctrl_c_leaves_the_page_too(commands: Commands) -> None:
    with terminal(commands, "top") as shown:
        shown.shows(b"nothing is in hand")
        shown.process.send_signal(signal.SIGINT)
        assert shown.ends() in (130, -signal.SIGINT)
        assert LEAVES_THE_PAGE in shown.output


def test_without_a_terminal_one_overview_is_printed(commands: Commands) -> None:
    commands.make_queues()
    done = commands.run("top")
    assert done.returncode == 0, done.stderr
    assert "wrong: No worker takes requests" in done.stdout
    assert "waiting 0 of 1,000,000   retrying 0   letters 0   consumers 0" in done.stdout
    assert "\x1b" not in done.stdout
    document = json.loads(commands.run("top", "--json").stdout)
    assert document["application"] == "taskmanager"
    assert [problem["code"] for problem in document["problems"] if problem["weight"] == "wrong"][
        -1
    ] == "nobody_consumes"
