"""A private RabbitMQ node for tests, without Docker."""

from __future__ import annotations

import atexit
import functools
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from leveret.devbroker import BrokerFailed, BrokerMissing, DevBroker, LastingBroker


class Broker:
    """A private RabbitMQ node: ``with Broker() as broker: connect(broker.url)``.

    It needs RabbitMQ's programs on this machine, and no Docker, no rights and no fixed ports. It listens on free ports
    of 127.0.0.1 only and has the user guest with the password guest. It takes about two seconds to start.

    Without a folder the node is new and leaves nothing behind. It ends with `stop`, and on POSIX also when this process
    dies. With a folder, everything durable exists again when a node is started in that folder the next time.

    Args:
        folder: where the node keeps its data; it is made if it does not exist. Only one node at a time can use it.
        management: whether to run RabbitMQ's management page too.
    """

    def __init__(self, folder: Path | None = None, *, management: bool = False) -> None:
        self._node = (
            DevBroker(management=management) if folder is None else LastingBroker(folder, management=management)
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The AMQP address, with user and password."""
        return self._node.url

    @property
    def management_url(self) -> str | None:
        """The address of the management page; None without one."""
        return self._node.management_url

    def start(self) -> None:
        """Start the node; return when it answers.

        Raises:
            BrokerMissing: there is no RabbitMQ on this machine; the text says how to install it.
            BrokerFailed: it is started already, or it did not answer within 90 seconds; the text ends with its log.
        """
        self._node.start()

    def stop(self) -> None:
        """End the node. Stopping again does nothing."""
        self._node.stop()

    def restart(self) -> None:
        """Stop the node in an orderly way and start it again, at the same address and with what is durable.

        Raises:
            BrokerFailed: it was never started, or did not answer within 90 seconds.
        """
        self._node.restart()


def shared_broker(make: Callable[[], Broker] = Broker) -> Broker:
    """Return the node that all tests of this process share; it is started when it is first needed.

    A node that could not be started is not tried again, because each try may take 90 seconds.

    Args:
        make: makes the node.

    Raises:
        BrokerMissing, BrokerFailed: as `Broker.start`.
    """
    shared = _started(make)
    if isinstance(shared, Broker):
        return shared
    raise shared.with_traceback(None)


@functools.cache
def _started(make: Callable[[], Broker]) -> Broker | BrokerMissing | BrokerFailed:
    """Start a node, once; return it, or why it could not be started."""
    broker = make()
    atexit.register(broker.stop)
    try:
        broker.start()
    except (BrokerMissing, BrokerFailed) as error:
        broker.stop()
        return error
    return broker
