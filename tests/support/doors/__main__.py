"""Six doors: ``python -m support.doors [--cases 10000] [--seed N]``; exit code 0 if all answers are equal."""

from __future__ import annotations

import argparse
import logging
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from leveret.devbroker import DevBroker
from leveret.process.interrupts import interruptible
from support.doors.houses import DOORS, houses_running, tokens
from support.doors.http_doors import PROGRAM
from support.doors.inventing import sequences
from support.doors.report import failure_report, tally_report
from support.doors.running import Run
from support.typescript import compiled
from taskmanager.actions import app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run cases through all doors; return 0 only if every answer and every row is equal."""
    parser = argparse.ArgumentParser(prog="make doors", description="send cases through six doors, and compare")
    parser.add_argument("--cases", type=int, default=10_000, help="how many cases (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="seed of everything random (default: a new one)")
    options = parser.parse_args(arguments)
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    logging.getLogger("leveret").setLevel(logging.ERROR)
    try:
        with interruptible(), DevBroker() as broker, tempfile.TemporaryDirectory(prefix="doors-") as folder:
            return uvloop.run(_run(broker.url, Path(folder), options.cases, seed))
    except KeyboardInterrupt:
        print("interrupted: nothing is judged", file=sys.stderr)
        return 130


async def _run(broker_url: str, folder: Path, count: int, seed: int) -> int:
    (folder / "typescript-program").mkdir()
    program = compiled(PROGRAM, folder / "typescript-program")
    print(f"making {count} cases with seed {seed}", flush=True)
    made = sequences(seed, count, tokens())
    async with houses_running(broker_url, "doors-", folder, program) as houses:
        run, begin = Run(houses), time.monotonic()
        failure = await run.all(made)
    print(tally_report(run.tally, DOORS))
    print(f"\n{sum(run.tally.width.values())} cases in {time.monotonic() - begin:.0f} s")
    if failure is not None:
        print("\n" + failure_report(failure, seed, count))
        return 1
    gaps = run.tally.gaps(DOORS, sorted({route.full_name for route in app.routes}))
    print("\n".join(gaps) or "All answers and all rows are equal.")
    return 1 if gaps else 0


if __name__ == "__main__":
    sys.exit(main())
