"""A line of lives: a process that has imported everything and forks one worker after the other, each to die at a point.

    FAULTS_DEATHS=100 FAULTS_SEED=7 python -m faults.lives     # in the folder of the kill log, with a worker's settings

When each point has had its deaths the next life has no point and lives until SIGTERM.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from random import Random
from types import FrameType
from typing import Final

from faults.crash_points import POINTS, RARE, Killer, KillLog, set_points
from leveret.process.running import run
from taskmanager import logs
from taskmanager.bootstrap import build_worker
from taskmanager.settings import Settings, environment

COMMAND: Final = (sys.executable, "-P", "-m", "faults.lives")
DEATHS: Final = "FAULTS_DEATHS"
SEED: Final = "FAULTS_SEED"
KILLS: Final = "kills.log"

MOST_PASSES: Final = 6
"""A point is passed with impunity less often than that, one that few requests reach at most once."""


def main() -> int:
    """Fork lives until SIGTERM; returns the exit code of the last one."""
    log, each = KillLog(Path(KILLS)), int(os.environ[DEATHS])
    random = Random(f"{os.environ[SEED]} {os.getpid()}")  # noqa: S311 -- it has to vary, not to be secret
    line = Line()
    while not line.stopping:
        point = _next_point(log, each, random)
        child = os.fork()
        if child == 0:
            line.forget()
            _live(log, point, random)
            os._exit(0)
        code = line.follow(child)
        if code != -signal.SIGKILL:
            return code
    return 0


class Line:
    """The parent's side: passes SIGTERM on to the life that there is."""

    def __init__(self) -> None:
        self.stopping = False
        self._child = 0
        signal.signal(signal.SIGTERM, self._on_stop)

    def forget(self) -> None:
        """Leave the parent's signals to the parent."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def follow(self, child: int) -> int:
        """Wait until a life has ended and return its exit code, on a signal the negative number of that."""
        self._child = child
        if self.stopping:  # the signal came while the life began
            os.kill(child, signal.SIGTERM)
        _, status = os.waitpid(child, 0)
        self._child = 0
        return os.waitstatus_to_exitcode(status)

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True
        if self._child:
            os.kill(self._child, signal.SIGTERM)


def _next_point(log: KillLog, each: int, random: Random) -> str | None:
    """Choose among the points that have had the fewest deaths; None when all have had theirs."""
    deaths = log.deaths()
    fewest = min(deaths[point] for point in POINTS)
    if fewest >= each:
        return None
    return random.choice([point for point in POINTS if deaths[point] == fewest])


def _live(log: KillLog, point: str | None, random: Random) -> None:
    settings = Settings.from_environment(environment())
    logs.configure(settings, "worker")
    if point is not None:
        passes = random.randrange(2 if point in RARE else MOST_PASSES)
        set_points(Killer(log, point, passes, random=random))
    run(lambda stop: _work(settings, stop))


async def _work(settings: Settings, stop: asyncio.Event) -> None:
    with build_worker(settings, f"life {os.getpid()}") as worker:
        running, stopping = asyncio.create_task(worker.run()), asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        worker.stop()
        await running


if __name__ == "__main__":
    sys.exit(main())
