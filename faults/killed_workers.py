"""A process that has imported everything, and forks one worker after the other, each to be killed at a crash point.

    FAULTS_DEATHS=100 FAULTS_SEED=7 python -m faults.killed_workers

It runs in the folder of the kill log, with the settings of a worker. When every point has had its number of deaths, the
next worker is not killed and runs until SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from random import Random
from types import FrameType
from typing import Final

from faults.crash_points import POINTS, RARE, Killer, KillLog, Points
from faults.working import work
from leveret.observe import Observer, logs
from leveret.process.running import run
from leveret.settings import environment
from taskmanager.settings import Settings

COMMAND: Final = (sys.executable, "-P", "-m", "faults.killed_workers")
DEATHS: Final = "FAULTS_DEATHS"
SEED: Final = "FAULTS_SEED"
KILLS: Final = "kills.log"

MOST_PASSES: Final = 6
"""Number of requests, at most, that pass a point before one is killed there; at the rare points at most one passes."""


def main() -> int:
    """Fork workers until SIGTERM; return the exit code of the last one."""
    log, each = KillLog(Path(KILLS)), int(os.environ[DEATHS])
    random = Random(f"{os.environ[SEED]} {os.getpid()}")  # noqa: S311 -- it has to vary, but not to be secret
    parent = Parent()
    while not parent.stopping:
        point = _next_point(log, each, random)
        child = os.fork()
        if child == 0:
            parent.restore_signals()
            _run_worker(log, point, random)
            os._exit(0)
        code = parent.wait(child)
        if code != -signal.SIGKILL:
            return code
    return 0


class Parent:
    """The parent of the workers: waits for the present one, and passes SIGTERM on to it."""

    def __init__(self) -> None:
        self.stopping = False
        self._child = 0
        signal.signal(signal.SIGTERM, self._on_stop)

    def restore_signals(self) -> None:
        """Undo, in a child, what the parent does about signals."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def wait(self, child: int) -> int:
        """Wait until a child has ended; return its exit code, or the negative number of the signal that ended it."""
        self._child = child
        if self.stopping:  # the signal came while the child was forked
            os.kill(child, signal.SIGTERM)
        _, status = os.waitpid(child, 0)
        self._child = 0
        return os.waitstatus_to_exitcode(status)

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True
        if self._child:
            os.kill(self._child, signal.SIGTERM)


def _next_point(log: KillLog, each: int, random: Random) -> str | None:
    """Choose one of the points that have had the fewest deaths; None if every point has had its number."""
    deaths = log.deaths()
    fewest = min(deaths[point] for point in POINTS)
    if fewest >= each:
        return None
    return random.choice([point for point in POINTS if deaths[point] == fewest])


def _run_worker(log: KillLog, point: str | None, random: Random) -> None:
    settings = Settings.from_environment(environment())
    logs.configure("worker", level=settings.log_level, form=settings.log_format)
    observers: list[Observer] = []
    if point is not None:
        passes = random.randrange(2 if point in RARE else MOST_PASSES)
        points = Points(Killer(log, point, passes, random=random))
        points.listen()
        observers.append(points)
    run(lambda stop: work(settings, stop, observers=observers))


if __name__ == "__main__":
    sys.exit(main())
