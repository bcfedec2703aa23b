"""What answers over HTTP: our gateway in both forms, FastAPI's echo, and the whole job written by hand in FastAPI."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import sqlalchemy as sa

from bench.case import RunFailed
from bench.databases import Database, Engine, empty_place, new_database
from bench.load import HTTP, Address, Answers, Demand, ask
from bench.peers import command
from bench.programs import LOOK, START, Server, run_to_end, serving
from bench.queues import api_queues, wait_for_consumers
from bench.rig import Rig
from bench.taskmanager import OurWorker, verify, worker_command, worker_environment
from bench.verify import compare, look
from leveret.topology import Topology

TASKS: Final = "/api/v1/tasks/"
JOB: Final = "fastapi_job"
ECHO: Final = "fastapi_peer"


@dataclass(slots=True)
class HttpServer:
    """A running server, and how many tasks it was asked to create.

    Attributes:
        rig: servers and programs.
        roots: the first process of each kind.
        port: where it listens.
        path: where requests go.
        token: of the user whose requests they are.
        wrote: called with the prefix of ids and the answers of each load.
    """

    rig: Rig
    roots: Mapping[str, int]
    port: int
    path: str = TASKS
    token: str = ""
    wrote: Callable[[str, Answers], None] = field(default=lambda _prefix, _answers: None)

    def ask(self, demand: Demand) -> Answers:
        """Send requests, and record what they wrote."""
        prefix = self.rig.new_name("ask")
        to = Address(exchange=HTTP, routing_key=self.path, token=self.token, port=self.port)
        answers = ask(self.rig, to, replace(demand, prefix=prefix))
        self.wrote(prefix, answers)
        return answers


@contextmanager
def gateway(rig: Rig, engine: Engine, *, direct: bool, processes: int) -> Iterator[HttpServer]:
    """Run our gateway on a new database while the block runs, then stop it and verify the database.

    Args:
        rig: servers and programs.
        engine: of the database.
        direct: whether the gateway runs the actions itself, without workers and a broker.
        processes: number of worker processes behind the gateway.
    """
    with new_database(rig, engine) as database, api_queues(rig.broker.url, Topology(rig.new_name("api"))) as topology:
        environment, before = worker_environment(rig, database, topology), look(database)
        with _workers(rig, database, topology, 0 if direct else processes) as workers:
            arguments = [*_GATEWAY, *(["--direct"] if direct else [])]
            with serving(arguments, environment, _log(rig)) as server:
                roots = {"worker": server.pid} if workers is None else {"gateway": server.pid, "worker": workers.pid}
                served = OurWorker(rig, database, topology, workers or server)
                roots = {**served.roots, **roots}
                port = _port(server.wait_for("gateway of").split()[-1])
                yield HttpServer(rig, roots, port, token=database.token, wrote=served.wrote)
        verify(served, before)


@contextmanager
def fastapi_echo(rig: Rig) -> Iterator[HttpServer]:
    """Run FastAPI's bare echo while the block runs."""
    with serving(command(ECHO, "worker", "-", "-"), rig.environment, _log(rig)) as server:
        yield HttpServer(rig, {"worker": server.pid}, _port(server.wait_for("ready").split()[1]), path="/echo")


@contextmanager
def fastapi_job(rig: Rig, engine: Engine, *, processes: int) -> Iterator[HttpServer]:
    """Run the job written by hand on a new database while the block runs, then stop it and verify the database."""
    with empty_place(rig, engine) as url:
        prepared = run_to_end(command(JOB, "prepare", url), rig.environment, limit=START)
        if prepared.code != 0:
            raise RunFailed(f"the tables of {JOB} were not made: {prepared.errors[-2000:]}")
        writes: list[int] = []

        def wrote(_prefix: str, answers: Answers) -> None:
            writes.append(int(answers.figures["writes"]))

        with serving(command(JOB, "worker", url, str(processes)), rig.environment, _log(rig)) as server:
            roots = {"worker": server.pid} | ({"database": rig.postgres.pid} if engine == "postgresql" else {})
            port = _port(server.wait_for("ready").split()[1])
            _wait_for_all(server, processes)
            yield HttpServer(rig, roots, port, token=prepared.output.strip(), wrote=wrote)
        _expect(url, sum(writes))


_GATEWAY: Final = (
    *(sys.executable, "-P", "-m", "taskmanager", "gateway"),
    *("--port", "0", "--timeout", "60", "--log-level", "warning"),
)


@contextmanager
def _workers(rig: Rig, database: Database, topology: Topology, processes: int) -> Iterator[Server | None]:
    if not processes:
        yield None
        return
    with serving(worker_command(processes), worker_environment(rig, database, topology), _log(rig)) as server:
        wait_for_consumers(rig.broker.url, topology.requests, processes)
        yield server


def _wait_for_all(server: Server, processes: int) -> None:
    """Wait until each process is ready, because the first one would take all connections."""
    end = time.monotonic() + START
    while server.output.read_text().count("ready ") < processes:
        if time.monotonic() > end:
            raise RunFailed(f"fewer than {processes} processes were ready within {START:g} s:\n{server.tail()}")
        time.sleep(LOOK)


def _expect(url: str, wanted: int) -> None:
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            tasks, titles = connection.execute(sa.text("SELECT count(*), count(DISTINCT title) FROM tasks")).one()
            stored = connection.scalar(sa.text("SELECT count(*) FROM idempotency_keys")) or 0
    finally:
        engine.dispose()
    if problems := compare(wanted, tasks=tasks, titles=titles, stored=stored):
        raise RunFailed("the database disagrees: " + "; ".join(problems))


def _port(url: str) -> int:
    port = urlsplit(url).port
    if port is None:
        raise RunFailed(f"{url} has no port")
    return port


def _log(rig: Rig) -> Path:
    return rig.folder / f"{rig.new_name('http')}.log"
