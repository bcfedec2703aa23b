"""Measures CPU time and memory of processes and their descendants, from /proc (proc(5))."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bench.case import Usage

TICKS: Final = os.sysconf("SC_CLK_TCK")
MB: Final = 1024 / 1e6
"""Size of a KiB in MB."""

EVERY: Final = 0.1
"""Seconds between two measurements of memory."""


def tree(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _read(children).split():
            yield from tree(int(child))


def cpu_seconds(root: int) -> float:
    """Return the CPU seconds of a process and its descendants so far, including those that have ended."""
    ticks = 0
    for pid in tree(root):
        # The name, in brackets, may contain any character; utime, stime, cutime and cstime are fields 14 to 17.
        fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / TICKS


def exact_cpu_seconds(root: int) -> float:
    """Return the CPU seconds of the threads of a process and its descendants, without those that have ended.

    They are counted in nanoseconds, while those of ``cpu_seconds`` are some milliseconds long; a kernel that does not
    tell them leaves that one.
    """
    threads = [each for pid in tree(root) for each in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    nanoseconds = sum(int(text.split()[0]) for each in threads if (text := _read(each)))
    return nanoseconds / 1e9 if nanoseconds else cpu_seconds(root)


def memory_mb(root: int) -> float:
    """Return the memory of a process and its descendants, in MB; memory that they share counts once."""
    own, shared = 0, 0
    for pid in tree(root):
        status = _status(pid)
        own += status.get("RssAnon", 0)
        shared = max(shared, status.get("RssFile", 0) + status.get("RssShmem", 0))
    return (own + shared) * MB


def peak_mb(pid: int) -> float:
    """Return the largest memory of one process since it began, in MB."""
    return _status(pid).get("VmHWM", 0) * MB


def _status(pid: int) -> Mapping[str, int]:
    """Return the sizes in /proc/PID/status, in KiB."""
    pairs = (line.split(":", 1) for line in _read(Path(f"/proc/{pid}/status")).splitlines())
    return {name: int(text.split()[0]) for name, text in pairs if text.endswith(" kB")}


def _read(path: Path) -> str:
    """Return the content of a file of a process; "" if the process has ended."""
    try:
        return path.read_text()
    except OSError:
        return ""


@dataclass(slots=True)
class Meter:
    """Measures the usage of each kind of process during a block; ``roots`` holds the first process of each kind.

    Attributes:
        usages: usage of each kind, after the block.
        memory: memory of each kind at each measurement, in MB.
    """

    roots: Mapping[str, int]
    usages: dict[str, Usage] = field(default_factory=dict)
    memory: dict[str, list[float]] = field(default_factory=dict)
    _began: dict[str, float] = field(default_factory=dict)
    _done: threading.Event = field(default_factory=threading.Event)
    _watch: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._began = {kind: cpu_seconds(root) for kind, root in self.roots.items()}
        self.memory = {kind: [memory_mb(root)] for kind, root in self.roots.items()}
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._watch is not None:
            self._watch.join()
        for name, root in self.roots.items():
            self.memory[name].append(memory_mb(root))
            used = cpu_seconds(root) - self._began[name]
            self.usages[name] = Usage(cpu_seconds=round(used, 3), peak_mb=round(max(self.memory[name]), 1))

    def _look(self) -> None:
        while not self._done.wait(EVERY):
            for kind, root in self.roots.items():
                self.memory[kind].append(memory_mb(root))
