"""The worker in the shape of the first version, with its SQLite file, whose content is verified at the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.case import RunFailed
from bench.load import Address, Answers, Demand, ask
from bench.peers import command, working
from bench.programs import Server, run_to_end
from bench.rig import Rig
from bench.verify import compare

NAME = "seed_shape"


@dataclass(slots=True)
class FirstShape:
    """The running worker; ``writes`` counts the requests that create a task."""

    rig: Rig
    server: Server
    address: Address
    writes: int = 0

    @property
    def roots(self) -> dict[str, int]:
        """The first process of each kind."""
        return {"worker": self.server.pid, "broker": self.rig.broker.pid}

    def ask(self, demand: Demand) -> Answers:
        """Send requests that create tasks."""
        answers = ask(self.rig, self.address, replace(demand, prefix=self.rig.new_name("ask")))
        self.writes += int(answers.figures["writes"])
        return answers


@contextmanager
def first_shape(rig: Rig) -> Iterator[FirstShape]:
    """Run the worker on a new file while the block runs, then stop it and verify the file.

    Raises:
        RunFailed: the worker failed, or the file does not hold the effects of the requests.
    """
    file = rig.folder / f"{rig.new_name(NAME)}.db"
    token = run_to_end(command(NAME, "token"), rig.environment, limit=60.0).output.strip()
    try:
        with working(rig, NAME, str(file)) as (server, queue):
            served = FirstShape(rig, server, Address(routing_key=queue, token=token))
            yield served
        _expect(file, served.writes)
    finally:
        for path in rig.folder.glob(f"{file.name}*"):
            path.unlink()


def _expect(file: Path, wanted: int) -> None:
    with closing(sqlite3.connect(file)) as connection:
        tasks, titles = connection.execute("SELECT count(*), count(DISTINCT title) FROM tasks").fetchone()
        (stored,) = connection.execute("SELECT count(*) FROM processed_requests").fetchone()
    if problems := compare(wanted, tasks=tasks, titles=titles, stored=stored):
        raise RunFailed("the database disagrees: " + "; ".join(problems))
