"""Pages of the documentation followed word for word: their commands in two terminals, their files, their output."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from support.command import LIMIT
from support.pages import FENCE, ROOT
from testbed.waiting import wait_until

SAVED = re.compile(r"(?:Save this as|Сохраните это как)\s+`([\w.]+)`")
COMMAND = re.compile(r"((leveret|taskmanager) (?!in )|(cd|python3?|\.|export|for) )")
"""How a block begins that somebody types; `shop in development` is what a command prints."""

STAYS = ("leveret dev", "taskmanager dev")
"""How commands begin that run until they are stopped."""

OTHERWISE = {
    r"\b[0-9a-f]{32}\b|\b[0-9a-f]{12}\b": "<id>",
    r"\d{4}-\d\d-\d\dT[\d:.]+Z": "<moment>",
    r"\b\d\d:\d\d:\d\d\b": "<time>",
    r"(?<=127\.0\.0\.1:)\d+": "<port>",
    r"\b\d+(\.\d+)? a second": "<rate>",
    r"\b\d+(\.\d+)? ?(ms|s)\b": "<duration>",
    r"\(\d+ files?\)": "<files>",
    r" +": " ",
}
"""What differs from run to run, and how it is written before two outputs are compared."""


@dataclass(frozen=True)
class Block:
    """A block of a page, and the prose before it."""

    language: str
    code: str
    before: str

    @property
    def is_command(self) -> bool:
        """Whether somebody types it."""
        return self.language in ("", "sh") and COMMAND.match(self.code) is not None

    @property
    def file(self) -> str | None:
        """The file as which it is to be saved."""
        found = SAVED.findall(self.before)
        return found[-1] if found and self.language else None


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, in order."""
    text = page.read_text()
    found = list(FENCE.finditer(text))
    starts = [0, *(each.end() for each in found)]
    return [Block(each[1], each[2], text[start : each.start()]) for start, each in zip(starts, found, strict=False)]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of somebody who has Python and RabbitMQ, and for whom pip has no network.

    What packages need is found in the environment of these tests (see `use_packages_of_the_tests`).
    """
    foreign = ("TASKMANAGER_", "GUESTBOOK_", "SHOP_", "COLUMNS", "LINES", "PYTEST_", "PYTHON", "MYPY", "VIRTUAL_ENV")
    mine = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    pip = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return mine | pip | {"PATH": path, "TMPDIR": str(folder)} | more


def use_packages_of_the_tests(venv: Path) -> None:
    """Let an environment find the packages of these tests, as if pip had loaded them."""
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "needs.pth").write_text(f"{sysconfig.get_path('purelib')}\n")


class Terminal:
    """A shell in which commands are typed; what they print is kept."""

    def __init__(self, transcript: Path, folder: Path, environment: Mapping[str, str]) -> None:
        self.transcript = transcript
        with transcript.open("wb") as stream:
            self.shell = subprocess.Popen(
                ["/bin/bash", "--norc"],
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        """Everything that was printed so far."""
        return self.transcript.read_text(errors="replace")

    def type(self, line: str) -> None:
        """Type a line."""
        assert self.shell.stdin
        self.shell.stdin.write(f"{line}\n".encode())
        self.shell.stdin.flush()

    def run(self, line: str) -> tuple[str, int]:
        """Type a line, wait until its command has ended, and return what it printed and its exit code."""
        start = len(self.text)
        self.type(f'{{ {line}\n}} </dev/null\necho "@ended $?@"')
        end = re.compile(r"@ended (\d+)@\n")
        wait_until(lambda: end.search(self.text, start), f"the end of {line!r}\n", limit=4 * LIMIT)
        found = end.search(self.text, start)
        assert found
        return self.text[start : found.start()], int(found[1])

    def close(self) -> None:
        """Press Ctrl-C, and leave."""
        os.killpg(self.shell.pid, signal.SIGINT)
        assert self.shell.stdin
        self.shell.stdin.close()
        self.shell.wait(LIMIT)


Edit = Callable[["Walk", str], None]


@dataclass
class Walk:
    """Somebody who follows a page.

    Attributes:
        folder: where both terminals begin.
        venv: the environment that is activated in them.
        environment: that of their shells.
        edits: for blocks that are neither command nor file nor output: how they begin, and what is done with them.
        before: for commands before which the prose asks for something: the command, and what is done.
        elsewhere: for blocks that other tests run: how they begin.
        unlike: parts of lines that look different where all packages are installed.
    """

    folder: Path
    venv: Path
    environment: Mapping[str, str]
    edits: Mapping[str, Edit] = field(default_factory=dict)
    before: Mapping[str, Edit] = field(default_factory=dict)
    elsewhere: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ("console is not installed",)
    terminals: list[Terminal] = field(default_factory=list)
    place: Path | None = None
    output: str = ""
    code: int = 0

    def follow(self, steps: list[Block]) -> None:
        """Do what the blocks say, one after the other, and compare what they show."""
        self.open(self.folder)
        for number, block in enumerate(steps):
            shown = takewhile(lambda step: not step.is_command, steps[number + 1 :])
            self._do(block, refused=any('"status":"error"' in step.code for step in shown))

    def open(self, folder: Path) -> None:
        """Open one more terminal, with the environment activated."""
        transcript = self.folder.with_name(f"terminal-{len(self.terminals) + 1}.txt")
        terminal = Terminal(transcript, folder, self.environment)
        self.terminals.append(terminal)
        assert terminal.run(f". {self.venv}/bin/activate") == ("", 0)

    def close(self) -> None:
        """Close the terminals, which ends what runs in them."""
        for terminal in reversed(self.terminals):
            terminal.close()

    def change(self, path: str, text: str) -> None:
        """Write a file, and wait until a worker runs with it if one runs at all."""
        assert self.place
        if len(self.terminals) == 1 or not path.endswith(".py"):
            (self.place / path).write_text(text)
            return
        first = self.terminals[0]
        start = len(first.text)
        (self.place / path).write_text(text)
        runs = re.compile(rf"\b{re.escape(Path(path).name)}.* changed: (?s:.*?)^\S+ ready: ", re.MULTILINE)
        wait_until(lambda: runs.search(first.text, start), f"a worker with the new {path}", limit=LIMIT)

    def _do(self, block: Block, *, refused: bool) -> None:
        edit = next((edit for begin, edit in self.edits.items() if block.code.startswith(begin)), None)
        if block.code.startswith(self.elsewhere):
            return
        if edit:
            edit(self, block.code)
        elif block.file:
            self.change(block.file, block.code)
        elif block.is_command:
            self.output = ""
            codes = [self._type(line) for line in block.code.splitlines()]
            assert codes[-1] == (1 if refused else 0), f"{block.code}{self.output}"
        else:
            self._compare(block.code)

    def _type(self, line: str) -> int:
        if line in self.before:
            self.before[line](self, line)
        if line.startswith(STAYS):
            self.place = Path(self.terminals[0].run("pwd")[0].strip())
            self.terminals[0].type(line)
            self.open(self.place)
            return 0
        output, code = self.terminals[-1].run(self._with_own_port(line))
        if line.startswith("cd ") or self.place is None:
            self.place = Path(self.terminals[-1].run("pwd")[0].strip())
        self.output += output
        return code

    def _with_own_port(self, line: str) -> str:
        """Take the port from the own output, as the page asks for it."""
        if "_AMQP_URL=" not in line:
            return line
        (address,) = re.findall(r"broker +(amqp://\S+)", self.terminals[0].text)
        return re.sub(r"amqp://\S+", address, line)

    def _compare(self, shown: str) -> None:
        """Find the lines that a page shows in what the last command printed, or in the first terminal."""
        lines = [line for line in map(alike, shown.splitlines()) if line != "..."]
        wanted = [line for line in lines if not any(part in line for part in self.unlike)]
        if _missing(wanted, self.output) is not None:
            first = self.terminals[0]
            places = f"{self.output}\nor in the first terminal:\n{first.text}"
            wait_until(lambda: _missing(wanted, first.text) is None, f"{wanted} in\n{places}", limit=LIMIT)


def alike(line: str) -> str:
    """Return a line without what differs from run to run."""
    for pattern, text in OTHERWISE.items():
        line = re.sub(pattern, text, line)
    return line.strip()


def _missing(wanted: list[str], output: str) -> str | None:
    """Return the first of the lines that does not stand in an output behind those before it."""
    lines: Iterator[str] = iter([alike(line) for line in output.splitlines()])
    for line in wanted:
        pattern = re.compile(".*".join(map(re.escape, line.split("..."))))
        if not any(pattern.fullmatch(each) for each in lines):
            return line
    return None


def clone(folder: Path, environment: Mapping[str, str]) -> Path:
    """Clone this repository, and return the clone."""
    target = folder / "leveret"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(target)], check=True, env=environment, timeout=4 * LIMIT)
    return target
