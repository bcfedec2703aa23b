"""A private RabbitMQ node that keeps its data between two starts."""

import contextlib
import json
import subprocess
from pathlib import Path
from typing import Final

from leveret.devbroker.errors import BrokerFailed
from leveret.devbroker.node import DevBroker, Identity
from leveret.devbroker.probe import answers

__all__ = ["LastingBroker"]

IDENTITY: Final = "node.json"
GRACE: Final = 15.0
"""Seconds that the node may take to stop before it is killed."""


class LastingBroker(DevBroker):
    """A private node that keeps its folder, name and addresses: at the next start everything durable exists again.

    Only one node at a time can run in a folder, because the ports belong to the folder.

    Args:
        home: the folder; it is made if it does not exist.
        management: also run RabbitMQ's management page and its Prometheus endpoint.
        limit: seconds that the node may take to start.
    """

    def __init__(self, home: Path, *, management: bool = False, limit: float = 90.0) -> None:
        super().__init__(management=management, limit=limit)
        self._home = home

    def start(self) -> None:
        """Start the node and return when it answers.

        Raises:
            BrokerMissing: there is no RabbitMQ on this machine.
            BrokerFailed: it is started already, its ports are taken, or it did not answer within the limit.
        """
        if self._folder is not None:
            raise BrokerFailed(f"the private RabbitMQ node is started already, in {self._folder}")
        self._home.mkdir(parents=True, exist_ok=True)
        self._identity = identity_of(self._home)
        if answers(self.url, limit=1.0):
            raise BrokerFailed(f"a node runs in {self._home} already")
        self._folder = self._home.resolve()
        if not self._boot():
            self.stop()
            raise BrokerFailed(f"other programs use ports that belong to {self._home}: try again when they are free")

    def stop(self) -> None:
        """Stop the node in an orderly way, and keep the folder. Stopping again does nothing."""
        if self._node is not None:
            self._node.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._node.wait(GRACE)
        self._processes.end()
        self._node = None
        self._folder = None


def identity_of(home: Path) -> Identity:
    """Return the name and the ports that belong to a folder; choose them for a new folder."""
    path = home / IDENTITY
    if not path.exists():
        path.write_text(json.dumps(Identity.new()._asdict()), encoding="utf-8")
    return Identity(**json.loads(path.read_text(encoding="utf-8")))
