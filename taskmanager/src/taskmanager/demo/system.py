"""The system that the demonstration shows: a broker, a folder with a database, workers and a client.

This module starts all of them, and stops and removes them at the end.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from leveret.broker.addresses import shown_address
from leveret.broker.queues import remove_topology
from leveret.client import BlockingClient
from leveret.devbroker import DevBroker, answers
from leveret.process.durations import format_duration
from leveret.process.interrupts import undisturbed, uninterrupted
from leveret.settings import environment
from leveret.topology import Topology
from taskmanager.actions import app
from taskmanager.demo.worker_logs import WorkerLogs
from taskmanager.demo.workers import Workers
from taskmanager.settings import PREFIX, Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoOptions:
    """Options of the command ``taskmanager demo``.

    Attributes:
        retry_delay: pause before each retry.
        workers: number of worker processes; two or more, because one of them is killed.
        keep: whether everything keeps running at the end, until Ctrl-C.
    """

    retry_delay: timedelta = timedelta(seconds=1)
    workers: int = 2
    keep: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """The running parts that a step may use.

    Attributes:
        url: the broker's address.
        management_url: address of the broker's management page; None unless it is a private node that has one.
        topology: names at the broker.
        folder: folder of the database.
        client: sends requests.
        workers: the worker processes.
        logs: log lines of the workers.
    """

    url: str
    management_url: str | None
    topology: Topology
    folder: Path
    client: BlockingClient
    workers: Workers
    logs: WorkerLogs


@contextmanager
def running_system(options: DemoOptions, broker: DevBroker | str, logs: WorkerLogs) -> Iterator[System]:
    """Start broker, database, workers and client; stop and remove them when the block ends, with an error or without.

    Args:
        options: number of workers and delay of retries.
        broker: a private node that is not started yet, or the address of a broker that somebody else runs.
        logs: receives the workers' log lines.

    Raises:
        DemoFailed: a worker did not start.
        BrokerMissing: RabbitMQ is not installed.
        BrokerFailed: the private node did not start.
    """
    with ExitStack() as stack:  # the stack clears up if an interrupt comes during the last lines of this function
        try:
            yield _build(stack, options, broker, logs)
        finally:
            with undisturbed():
                stack.close()


def choose_broker(*, management: bool) -> tuple[DevBroker | str, str]:
    """Choose the broker that TASKMANAGER_AMQP_URL names if that broker answers; otherwise a private node.

    Returns:
        The broker, and a sentence that says which broker it is.
    """
    named = Settings.from_environment(environment()).amqp_url if environment().get(f"{PREFIX}AMQP_URL") else None
    if named is None:
        return DevBroker(management=management), "A private RabbitMQ node in a folder of its own, on free ports."
    if answers(named):
        return named, f"The broker at {shown_address(named)}, with queues of its own that are removed at the end."
    sentence = f"No broker answers at {shown_address(named)}: a private RabbitMQ node takes its place."
    return DevBroker(management=management), sentence


def _build(stack: ExitStack, options: DemoOptions, broker: DevBroker | str, logs: WorkerLogs) -> System:
    with uninterrupted():
        folder = Path(tempfile.mkdtemp(prefix="taskmanager-demo-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
    url, prefix = _enter_broker(stack, broker)
    variables = _variables(url, prefix, folder, options)
    settings = Settings.from_environment(variables)
    topology = app.topology(settings)
    if not isinstance(broker, DevBroker):
        stack.callback(lambda: asyncio.run(remove_topology(url, topology)))
    app.prepare_database(settings)
    workers = Workers(_without_settings() | variables, folder, logs)
    stack.callback(workers.stop)
    workers.start(options.workers)
    client = BlockingClient(url, topology=topology, name="taskmanager demo", patience=10.0)
    stack.callback(client.close)
    client.connect()
    page = broker.management_url if isinstance(broker, DevBroker) else None
    return System(
        url=url,
        management_url=page,
        topology=topology,
        folder=folder,
        client=client,
        workers=workers,
        logs=logs,
    )


def _enter_broker(stack: ExitStack, broker: DevBroker | str) -> tuple[str, str]:
    """Return the broker's address and the prefix of names there.

    On a private node, which nobody else uses, that is the usual prefix; on another broker it is a random one.
    """
    if isinstance(broker, str):
        return broker, f"demo-{secrets.token_hex(3)}"
    stack.callback(broker.stop)
    broker.start()
    return broker.url, Settings().queue_prefix


def _variables(url: str, prefix: str, folder: Path, options: DemoOptions) -> dict[str, str]:
    return {
        f"{PREFIX}AMQP_URL": url,
        f"{PREFIX}QUEUE_PREFIX": prefix,
        f"{PREFIX}DATABASE_URL": f"sqlite:///{(folder / 'taskmanager.db').as_posix()}",
        f"{PREFIX}RETRY_DELAY": format_duration(options.retry_delay),
        f"{PREFIX}ALLOW_SIMULATED_ERRORS": "true",
        f"{PREFIX}LOG_FORMAT": "json",
    }


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in environment().items() if not name.startswith(PREFIX)}
