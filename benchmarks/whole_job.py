"""The whole job: `taskmanager worker` and the first version's shape side by side, in one run, under the same load.

    python benchmarks/whole_job.py [--count N] [--rounds N] [--in-flight N] [--processes N] [--database-url URL]

The job is create_task: token, validation, idempotency, effect, stored response, durable commit, reply, ack. A private
RabbitMQ node is started; the load is `load.c`, compiled into the temporary folder. Rounds are interleaved. At the end
both databases are counted: a request without its effect, or an effect without its stored response, is a failure.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pika
import sqlalchemy as sa

from loading import compile_load, run_load
from warren.devbroker import DevBroker

SEED = Path(__file__).parent / "peers" / "seed_shape.py"
SEED_QUEUE = "seed.requests"
LIMIT = 30.0
"""Seconds until a worker must consume."""

ACCOUNT = '{"email": "load@example.com", "password": "a load of passwords", "full_name": "Load"}'


class Bench:
    """One run: where its files are, and how to reach the broker."""

    def __init__(self, folder: Path, broker: DevBroker, options: argparse.Namespace) -> None:
        self.folder = folder
        self.program = compile_load(folder)
        self.broker = broker
        self.options = options
        self.url = options.database_url or f"sqlite:///{folder / 'taskmanager.db'}"
        self.port = broker.url.rsplit(":", 1)[1].strip("/")
        self.environment = {
            **os.environ,
            "TASKMANAGER_AMQP_URL": broker.url,
            "TASKMANAGER_DATABASE_URL": self.url,
            "TASKMANAGER_LOG_LEVEL": options.log_level,
        }
        if options.database_url:
            self.environment.setdefault("TASKMANAGER_JWT_SECRET", "a secret of the benchmark, 32 bytes or more")

    def taskmanager(self, *arguments: str) -> str:
        """What the command prints."""
        command = [sys.executable, "-m", "taskmanager", *arguments]
        said = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=60)
        if said.returncode:
            raise SystemExit(f"taskmanager {arguments[0]} failed: {said.stdout}{said.stderr}")
        return said.stdout

    def load(self, name: str, token: str, exchange: str, queue: str, count: int) -> float:
        """Replies per second of one round."""
        arguments = [self.port, exchange, queue, str(count), str(self.options.in_flight)]
        return run_load(self.program, name, arguments, token)


@contextmanager
def running(bench: Bench, *command: str) -> Iterator[None]:
    """A worker process, its log in the run's folder; stopped at the end."""
    with (bench.folder / "worker.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, *command], env=bench.environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(LIMIT)


def make_queue(url: str, queue: str) -> None:
    """Make a durable classic queue, as the first version had it."""
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        connection.channel().queue_declare(queue, durable=True)


def log_in(bench: Bench) -> str:
    """Wait for the worker and get a token."""
    began = time.monotonic()
    while True:
        try:
            bench.taskmanager("call", "health_check", "--timeout", "2")
            break
        except SystemExit:
            if time.monotonic() - began > LIMIT:
                raise
    bench.taskmanager("call", "register", "--data", ACCOUNT)
    login = json.loads(ACCOUNT)
    del login["full_name"]
    answer = json.loads(bench.taskmanager("call", "login", "--data", json.dumps(login)))
    return str(answer["data"]["access_token"])


def check(url: str, count: int, *, registrations: int) -> None:
    """Count effects and stored responses."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        tasks, stored = (
            int(connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())
            for table in ("tasks", "processed_requests")
        )
    engine.dispose()
    if (tasks, stored) != (count, count + registrations):
        raise SystemExit(f"{count} requests made {tasks} tasks and {stored} stored responses in {engine.url!r}")


def compare(bench: Bench) -> None:
    """All rounds, then the figures."""
    options = bench.options
    seed = bench.folder / "seed.db"
    make_queue(bench.broker.url, SEED_QUEUE)
    seed_token = subprocess.run(
        [sys.executable, SEED, "token"], capture_output=True, text=True, check=True
    ).stdout.strip()
    rates: dict[str, list[float]] = {"first shape": [], "taskmanager": []}
    arguments = ["-m", "taskmanager", "worker", "--processes", str(options.processes)]
    if options.database_url:
        bench.taskmanager("db", "upgrade")
    with (
        running(bench, str(SEED), "worker", bench.broker.url, SEED_QUEUE, str(seed)),
        running(bench, *arguments),
    ):
        token = log_in(bench)
        for number in range(options.rounds):
            print(f"round {number + 1}")
            small = max(options.count // 15, 1)
            rates["first shape"].append(bench.load("first shape", seed_token, "", SEED_QUEUE, small))
            rates["taskmanager"].append(bench.load("taskmanager", token, "api.direct", "api.requests", options.count))
        check(bench.url, options.rounds * options.count, registrations=1)
        check(f"sqlite:///{seed}", options.rounds * max(options.count // 15, 1), registrations=0)
    report(bench, rates)


def report(bench: Bench, rates: dict[str, list[float]]) -> None:
    """Print medians and their ratio."""
    options = bench.options
    medians = {name: statistics.median(found) for name, found in rates.items()}
    ratio = medians["taskmanager"] / medians["first shape"]
    engine = sa.make_url(bench.url).get_backend_name()
    print(
        f"\ncreate_task, {options.in_flight} in flight, median of {options.rounds} rounds, replies/s:\n"
        f"  first shape (SQLite, 1 process)   {medians['first shape']:7.0f}\n"
        f"  taskmanager ({engine}, {options.processes} process)  {medians['taskmanager']:7.0f}\n"
        f"  ratio {ratio:.1f}; every effect and every stored response is there, none twice\n"
        f"  {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, SQLAlchemy {version('sqlalchemy')},"
        f" msgspec {version('msgspec')}, {os.cpu_count()} cores, log level {options.log_level}"
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=30_000, help="requests in a round; the first shape gets 1/15")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--processes", type=int, default=1, help="worker processes")
    parser.add_argument("--database-url", help="of an empty PostgreSQL database; default: an SQLite file")
    parser.add_argument("--log-level", default="info")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="whole-job-") as name, DevBroker() as broker:
        compare(Bench(Path(name), broker, options))


if __name__ == "__main__":
    main()
