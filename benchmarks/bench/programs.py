"""Runs programs that end by themselves, and servers that run until they are stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from bench.case import RunFailed, Usage
from bench.processes import peak_mb
from leveret.process.process_group import ProcessGroup

LOOK: Final = 0.01
"""Seconds between two looks at a file or a process, because neither reports a change."""

START: Final = 60.0
"""Seconds that a server may take until it is ready, or until it has stopped."""


@dataclass(frozen=True, slots=True)
class EndedProgram:
    """The result of a program that has ended: exit code, standard output, standard error, and usage."""

    code: int
    output: str
    errors: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs; ``output`` is the file that holds its output."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def tail(self) -> str:
        """Return the last lines of its output."""
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-15:])

    def wait_for(self, text: str) -> str:
        """Wait for a line that begins with a text, and return the line.

        Raises:
            RunFailed: the server has ended, or has not written such a line in time.
        """
        end = time.monotonic() + START
        while time.monotonic() < end:
            for line in self.output.read_text(errors="replace").splitlines(keepends=True):
                if line.startswith(text) and line.endswith("\n"):
                    return line.strip()
            if self.process.poll() is not None:
                raise RunFailed(f"it ended with {self.process.returncode} and did not write {text!r}:\n{self.tail()}")
            time.sleep(LOOK)
        raise RunFailed(f"it did not write {text!r} within {START:g} s:\n{self.tail()}")


@dataclass(frozen=True, slots=True)
class RunningProgram:
    """A program that runs and ends by itself; `ended` waits for that, and is called once."""

    process: subprocess.Popen[str]
    out: IO[str]
    err: IO[str]
    limit: float

    def wait_for_error_text(self, text: str, limit: float) -> None:
        """Wait until the program has written a text to standard error.

        Raises:
            RunFailed: it has not within the limit, in seconds, or has ended.
        """
        end = time.monotonic() + limit
        while text not in (errors := _all_of(self.err)):
            if self._is_over() or time.monotonic() > end:
                raise RunFailed(f"{_name(self.process)} did not write {text!r}: {errors[-2000:]}")
            time.sleep(LOOK)

    def ended(self) -> EndedProgram:
        """Wait until the program has ended, and return its result.

        Raises:
            RunFailed: it did not end in time.
        """
        pid, peak = self.process.pid, 0.0
        while not self._is_over():
            peak = max(peak, peak_mb(pid))
            time.sleep(LOOK)
        _, status, used = os.wait4(pid, 0)  # the only way to get the usage of one child
        self.process.returncode = code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGKILL:
            raise RunFailed(f"{_name(self.process)} did not end within {self.limit:g} s: {_all_of(self.err)[-2000:]}")
        usage = Usage(cpu_seconds=round(used.ru_utime + used.ru_stime, 3), peak_mb=round(peak, 1))
        return EndedProgram(code, _all_of(self.out), _all_of(self.err), usage)

    def _is_over(self) -> bool:
        """Return whether the program has ended, without reaping it as `poll` would."""
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _all_of(stream: IO[str]) -> str:
    """Read the whole file without moving the file position, which the process that writes to it shares."""
    return os.pread(stream.fileno(), os.fstat(stream.fileno()).st_size, 0).decode(errors="replace")


def _name(process: subprocess.Popen[str]) -> str:
    words = process.args if isinstance(process.args, list) else [process.args]
    return " ".join(Path(str(word)).name for word in words[:2])


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], *, limit: float) -> Iterator[RunningProgram]:
    """Start a program that ends by itself; kill it after ``limit`` seconds, or when the block ends."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=dict(environment), text=True
        )
        late = threading.Timer(limit, process.kill)
        late.start()
        try:
            yield RunningProgram(process, out, err, limit)
        finally:
            late.cancel()
            process.kill()
            process.wait()


def run_to_end(command: Sequence[str], environment: Mapping[str, str], *, limit: float) -> EndedProgram:
    """Run a program until it ends, and return its result with its usage.

    Raises:
        RunFailed: the program did not end within ``limit`` seconds.
    """
    with running(command, environment, limit=limit) as program:
        return program.ended()


@contextmanager
def serving(command: Sequence[str], environment: Mapping[str, str], output: Path) -> Iterator[Server]:
    """Run a server while the block runs, then terminate it; kill it if it does not end, or if the block failed."""
    group = ProcessGroup()
    server = Server(group.start(command, environment=environment, output=output), output)
    try:
        yield server
        server.process.terminate()
        _await_end(server.process)
    finally:
        group.end()


def _await_end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(START)
    except subprocess.TimeoutExpired:
        raise RunFailed(f"process {process.pid} did not stop within {START:g} s") from None
