"""Our side of the bench: the real command `taskmanager worker`, with every guarantee on."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.case import RunFailed
from bench.databases import Database, Engine, new_database
from bench.load import Address, Answers, Demand, ask
from bench.programs import Server, serving
from bench.queues import api_queues, wait_for_consumers, waiting_in
from bench.rig import Rig
from bench.verify import Found, expect, look
from leveret.topology import Topology


@dataclass(slots=True)
class Serving:
    """A worker command that serves; what is asked of it is kept count of.

    Attributes:
        rig: servers and programs.
        database: its database.
        topology: its names at the broker.
        server: the command.
        writes: requests for a task so far, each with an id of its own, by the prefix of the ids.
    """

    rig: Rig
    database: Database
    topology: Topology
    server: Server
    writes: Counter[str] = field(default_factory=Counter)

    @property
    def roots(self) -> dict[str, int]:
        """The first process of each kind."""
        roots = {"worker": self.server.pid, "broker": self.rig.broker.pid}
        if self.database.url.startswith("postgresql"):
            roots["database"] = self.rig.postgres.pid
        return roots

    @property
    def address(self) -> Address:
        """Where its requests go, with the user's token."""
        return Address(exchange=self.topology.exchange, routing_key=self.topology.requests, token=self.database.token)

    def ask(self, demand: Demand) -> Answers:
        """Send requests, and take down which tasks have to be there for them."""
        prefix, tasks = demand.prefix or self.rig.new_name("ask"), max(self.database.tasks, 1)
        answers = ask(self.rig, self.address, replace(demand, prefix=prefix, tasks=tasks))
        self.wrote("" if demand.scatter else prefix, answers)
        return answers

    def wrote(self, prefix: str, answers: Answers) -> None:
        """Take down the tasks of a load by the prefix of its ids, "" where the ids do not begin with it."""
        self.writes[prefix] += int(answers.figures["writes"])


@contextmanager
def taskmanager(
    rig: Rig, database: Database, *, processes: int = 1, topology: Topology | None = None
) -> Iterator[Serving]:
    """Run the command for the block, then stop it and verify what it did.

    Args:
        rig: servers and programs.
        database: its database.
        processes: of the worker.
        topology: what is at the broker already; by default it is made for the block.

    Raises:
        RunFailed: it did not start or stop, or the database, the queue of requests or that of dead letters is not as it
            has to be.
    """
    if topology is None:
        with (
            api_queues(rig.broker.url, Topology(rig.new_name("api"))) as made,
            taskmanager(rig, database, processes=processes, topology=made) as served,
        ):
            yield served
        return
    before = look(database)
    with serving(worker_command(processes), worker_environment(rig, database, topology), _log(rig)) as server:
        wait_for_consumers(rig.broker.url, topology.requests, processes)
        served = Serving(rig, database, topology, server)
        yield served
    verify(served, before)


def verify(served: Serving, before: Found) -> None:
    """Compare what was asked for with what is there, when the worker has stopped."""
    left = waiting_in(served.rig.broker.url, served.topology.requests, served.topology.dead_letters)
    if left:
        raise RunFailed(f"{left} requests or dead letters are left in the queues")
    expect(served.database, before, served.writes)


@contextmanager
def on_new_database(rig: Rig, engine: Engine, *, processes: int = 1) -> Iterator[Serving]:
    """Run the command on an empty database of its own."""
    with new_database(rig, engine) as database, taskmanager(rig, database, processes=processes) as served:
        yield served


def worker_command(processes: int) -> list[str]:
    """The command, as a person would give it."""
    return [sys.executable, "-P", "-m", "taskmanager", "worker", "--processes", str(processes)]


def worker_environment(rig: Rig, database: Database, topology: Topology) -> dict[str, str]:
    """Its environment; the log tells of troubles only, as the peers' logs do."""
    return rig.environment | {
        "TASKMANAGER_AMQP_URL": rig.broker.url,
        "TASKMANAGER_QUEUE_PREFIX": topology.prefix,
        "TASKMANAGER_LOG_LEVEL": "warning",
        **database.variables,
    }


def _log(rig: Rig) -> Path:
    return rig.folder / f"{rig.new_name('worker')}.log"
