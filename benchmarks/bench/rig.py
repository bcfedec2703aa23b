"""What all runs share: the broker, the database server, the load generator, the peers, and a folder."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from leveret.amqp import Address
from leveret.devbroker import DevBroker
from testbed.postgres import PrivatePostgres

T = TypeVar("T")

PEERS = Path(__file__).parents[1] / "peers"
PEERS_PYTHON = Path(__file__).parents[2] / ".venv-bench" / "bin" / "python"


@dataclass(slots=True)
class Rig:
    """Servers and programs, which `bench.rigging` starts.

    Attributes:
        folder: for databases and what programs write.
        broker: the private RabbitMQ node.
        program: the load generator, which is the worker in C too.
        stack: ends what was started.
        for_case: ends what is kept for all runs of a case.
    """

    folder: Path
    broker: DevBroker
    program: Path
    stack: ExitStack
    for_case: ExitStack = field(default_factory=ExitStack)
    _postgres: PrivatePostgres | None = None
    _kept: dict[str, object] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def port(self) -> int:
        """The broker's port."""
        return Address.parse(self.broker.url).port

    @property
    def postgres(self) -> PrivatePostgres:
        """The private PostgreSQL cluster, durable as in production; started when it is first asked for."""
        if self._postgres is None:
            self._postgres = self.stack.enter_context(PrivatePostgres())
        return self._postgres

    @property
    def environment(self) -> dict[str, str]:
        """The environment of programs: ours, without settings of the application."""
        return {name: value for name, value in os.environ.items() if not name.startswith(("TASKMANAGER_", "PYTHON"))}

    def new_name(self, what: str) -> str:
        """Make a name that nothing else has in this run of the bench."""
        return f"{what}-{next(self._numbers)}"

    def kept(self, name: str, make: Callable[[], T]) -> T:
        """Give what was made under a name, or make it now; it stays until `forget`."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]  # type: ignore[return-value]  # a name belongs to one kind of thing

    def forget(self) -> None:
        """Let go of all that was kept."""
        self._kept.clear()
        self.for_case.close()


def peers_python() -> str:
    """The Python that has the peers' libraries: that of their own environment, or this one."""
    return str(PEERS_PYTHON if PEERS_PYTHON.exists() else sys.executable)
