"""Our side of the bench: the real command `taskmanager worker`, with all its guarantees."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from bench.case import RunFailed
from bench.databases import Database, Engine, new_database
from bench.load import Address, Answers, Demand, ask
from bench.programs import Server, serving
from bench.queues import api_queues, wait_for_consumers, waiting_in
from bench.rig import Rig
from bench.verify import DatabaseState, expect, look
from leveret.topology import Topology


@dataclass(slots=True)
class OurWorker:
    """A running worker, and the number of tasks that it was asked to create.

    Attributes:
        rig: servers and programs.
        database: the worker's database.
        topology: the worker's names at the broker.
        server: the command.
        writes: number of requests so far that create a task, each with its own id, by the prefix of the ids.
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
        """The address of its requests, with the user's token."""
        return Address(exchange=self.topology.exchange, routing_key=self.topology.requests, token=self.database.token)

    def ask(self, demand: Demand) -> Answers:
        """Send requests, and record which tasks have to exist because of them."""
        prefix, tasks = demand.prefix or self.rig.new_name("ask"), max(self.database.tasks, 1)
        answers = ask(self.rig, self.address, replace(demand, prefix=prefix, tasks=tasks))
        self.wrote("" if demand.scatter else prefix, answers)
        return answers

    def wrote(self, prefix: str, answers: Answers) -> None:
        """Record the tasks of a load under the prefix of its ids, or under "" if the ids do not begin with it."""
        self.writes[prefix] += int(answers.figures["writes"])


@contextmanager
def taskmanager(
    rig: Rig,
    database: Database,
    *,
    processes: int = 1,
    topology: Topology | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[OurWorker]:
    """Run the command while the block runs, then stop it and verify what it did.

    Args:
        rig: servers and programs.
        database: the worker's database.
        processes: number of worker processes.
        topology: a topology that is declared already; by default one is made for the block.
        variables: further settings of the worker.

    Raises:
        RunFailed: the command did not start or stop, or database or queues do not hold what they should.
    """
    if topology is None:
        with (
            api_queues(rig.broker.url, Topology(rig.new_name("api"))) as made,
            taskmanager(rig, database, processes=processes, topology=made, variables=variables) as served,
        ):
            yield served
        return
    before = look(database)
    environment = {**worker_environment(rig, database, topology), **variables}
    with serving(worker_command(processes), environment, _log(rig)) as server:
        wait_for_consumers(rig.broker.url, topology.requests, processes)
        served = OurWorker(rig, database, topology, server)
        yield served
    verify(served, before)


def verify(served: OurWorker, before: DatabaseState) -> None:
    """Compare the requests with what queues and database hold after the worker has stopped."""
    left = waiting_in(served.rig.broker.url, served.topology.requests, served.topology.dead_letters)
    if left:
        raise RunFailed(f"{left} requests or dead letters are left in the queues")
    expect(served.database, before, served.writes)


@contextmanager
def on_new_database(
    rig: Rig, engine: Engine, *, processes: int = 1, variables: Mapping[str, str] = MappingProxyType({})
) -> Iterator[OurWorker]:
    """Run the command on a new, empty database, with further settings."""
    with (
        new_database(rig, engine) as database,
        taskmanager(rig, database, processes=processes, variables=variables) as served,
    ):
        yield served


def worker_command(processes: int) -> list[str]:
    """Return the command as a person would write it."""
    return [sys.executable, "-P", "-m", "taskmanager", "worker", "--processes", str(processes)]


def worker_environment(rig: Rig, database: Database, topology: Topology) -> dict[str, str]:
    """Return the worker's environment; it logs warnings and errors only, as the peers do."""
    return rig.environment | {
        "TASKMANAGER_AMQP_URL": rig.broker.url,
        "TASKMANAGER_QUEUE_PREFIX": topology.prefix,
        "TASKMANAGER_LOG_LEVEL": "warning",
        **database.variables,
    }


def _log(rig: Rig) -> Path:
    return rig.folder / f"{rig.new_name('worker')}.log"
