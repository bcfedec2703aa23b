"""What the demonstration plays on: a broker, a folder with a database, workers, a client; and its orderly end."""

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
from leveret.durations import format_duration
from leveret.process.interrupts import undisturbed, uninterrupted
from leveret.topology import Topology
from taskmanager.bootstrap import build_topology, prepare_database
from taskmanager.demo.crew import Crew
from taskmanager.demo.log_book import LogBook
from taskmanager.settings import PREFIX, Settings, environment


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoOptions:
    """How the demonstration is played.

    Attributes:
        retry_delay: pause before each retry.
        workers: worker processes, two or more: one of them is killed.
        keep: at the end, wait with everything running until Ctrl-C.
    """

    retry_delay: timedelta = timedelta(seconds=1)
    workers: int = 2
    keep: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """Everything that a scene may use.

    Attributes:
        url: the broker's address.
        management_url: its management page, when it is a private node that has one.
        topology: names at the broker.
        folder: the database's.
        client: asks the workers.
        crew: the workers.
        book: their log lines.
    """

    url: str
    management_url: str | None
    topology: Topology
    folder: Path
    client: BlockingClient
    crew: Crew
    book: LogBook


@contextmanager
def set_stage(options: DemoOptions, broker: DevBroker | str, book: LogBook) -> Iterator[Stage]:
    """Start everything in its order; at the end stop and remove it, whatever happened.

    Args:
        options: how many workers, which delay.
        broker: a private node that is not started yet, or the address of a broker that somebody else runs.
        book: gets the workers' log lines.

    Raises:
        DemoFailed: a worker did not start.
        BrokerMissing, BrokerFailed: there is no private node to be had.
    """
    with ExitStack() as stack:  # its own end clears up where an interrupt meets the last lines of this function
        try:
            yield _build(stack, options, broker, book)
        finally:
            with undisturbed():
                stack.close()


def choose_broker(*, management: bool) -> tuple[DevBroker | str, str]:
    """Choose the broker that TASKMANAGER_AMQP_URL names, when it answers, or a private node.

    Returns:
        The broker, and a sentence about it.
    """
    named = Settings.from_environment(environment()).amqp_url if environment().get(f"{PREFIX}AMQP_URL") else None
    if named is None:
        return DevBroker(management=management), "A private RabbitMQ node in a folder of its own, on free ports."
    if answers(named):
        return named, f"The broker at {shown_address(named)}, with queues of its own that are removed at the end."
    sentence = f"No broker answers at {shown_address(named)}: a private RabbitMQ node takes its place."
    return DevBroker(management=management), sentence


def _build(stack: ExitStack, options: DemoOptions, broker: DevBroker | str, book: LogBook) -> Stage:
    with uninterrupted():
        folder = Path(tempfile.mkdtemp(prefix="taskmanager-demo-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
    url, prefix = _enter_broker(stack, broker)
    variables = _variables(url, prefix, folder, options)
    settings = Settings.from_environment(variables)
    topology = build_topology(settings)
    if not isinstance(broker, DevBroker):
        stack.callback(lambda: asyncio.run(remove_topology(url, topology)))
    prepare_database(settings)
    crew = Crew(_without_settings() | variables, folder, book)
    stack.callback(crew.stop)
    crew.start(options.workers)
    client = BlockingClient(url, topology=topology, name="taskmanager demo", patience=10.0)
    stack.callback(client.close)
    client.connect()
    page = broker.management_url if isinstance(broker, DevBroker) else None
    return Stage(url=url, management_url=page, topology=topology, folder=folder, client=client, crew=crew, book=book)


def _enter_broker(stack: ExitStack, broker: DevBroker | str) -> tuple[str, str]:
    """The broker's address, and the prefix of names there: that of the wire where nobody else can be met."""
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
