"""Programs that are run to their end, and programs that serve until they are stopped."""

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
"""Seconds between two looks at a file or a process, which tell nobody of their news."""

START: Final = 60.0
"""Seconds that a server may take until it is ready, or until it has stopped."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that was run to its end: exit code, both outputs, and what it took."""

    code: int
    said: str
    complained: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Server:
    """A program that serves; ``output`` is the file of what it writes."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def tail(self) -> str:
        """The last lines that it wrote."""
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-15:])

    def wait_for(self, text: str) -> str:
        """Wait for a line that begins with a text, and give it.

        Raises:
            RunFailed: it has ended, or has not written it in time.
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
class Running:
    """A program that runs to its end; give its end with `ended`, once."""

    process: subprocess.Popen[str]
    out: IO[str]
    err: IO[str]
    limit: float

    def complains(self, text: str, limit: float) -> None:
        """Wait until it has written a text to its standard error.

        Raises:
            RunFailed: it has not within so many seconds, or has ended.
        """
        end = time.monotonic() + limit
        while text not in (complained := _all_of(self.err)):
            if self._is_over() or time.monotonic() > end:
                raise RunFailed(f"{_name(self.process)} did not write {text!r}: {complained[-2000:]}")
            time.sleep(LOOK)

    def ended(self) -> Ended:
        """Wait for its end.

        Raises:
            RunFailed: it did not end in time.
        """
        pid, peak = self.process.pid, 0.0
        while not self._is_over():
            peak = max(peak, peak_mb(pid))
            time.sleep(LOOK)
        _, status, used = os.wait4(pid, 0)  # the only way to what one child took
        self.process.returncode = code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGKILL:
            raise RunFailed(f"{_name(self.process)} did not end within {self.limit:g} s: {_all_of(self.err)[-2000:]}")
        usage = Usage(cpu_seconds=round(used.ru_utime + used.ru_stime, 3), peak_mb=round(peak, 1))
        return Ended(code, _all_of(self.out), _all_of(self.err), usage)

    def _is_over(self) -> bool:
        """Tell whether it has ended, without taking its end as `poll` would."""
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _all_of(stream: IO[str]) -> str:
    """Read a file that another process writes to at the place that both share."""
    return os.pread(stream.fileno(), os.fstat(stream.fileno()).st_size, 0).decode(errors="replace")


def _name(process: subprocess.Popen[str]) -> str:
    words = process.args if isinstance(process.args, list) else [process.args]
    return " ".join(Path(str(word)).name for word in words[:2])


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], *, limit: float) -> Iterator[Running]:
    """Start a program that ends by itself; after so many seconds, or at the end of the block, it is killed."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=dict(environment), text=True
        )
        late = threading.Timer(limit, process.kill)
        late.start()
        try:
            yield Running(process, out, err, limit)
        finally:
            late.cancel()
            process.kill()
            process.wait()


def run_to_end(command: Sequence[str], environment: Mapping[str, str], *, limit: float) -> Ended:
    """Run a program, for at most so many seconds, and measure what it takes.

    Raises:
        RunFailed: it did not end in time.
    """
    with running(command, environment, limit=limit) as program:
        return program.ended()


@contextmanager
def serving(command: Sequence[str], environment: Mapping[str, str], output: Path) -> Iterator[Server]:
    """Run a server until the end of the block, then stop it in order, or at once where it does not obey."""
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
