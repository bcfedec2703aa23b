"""The rig that all runs share: broker, database server, load generator, peers, and a folder."""

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
    """Servers and programs that `bench.rigging` starts.

    Attributes:
        folder: folder for databases and for the output of programs.
        broker: the private RabbitMQ node.
        program: path of the load generator, which is also the worker in C.
        stack: ends everything that was started.
        for_case: ends everything that is kept for all runs of a case.
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
        """The private PostgreSQL server, durable as in production; started at its first use."""
        if self._postgres is None:
            self._postgres = self.stack.enter_context(PrivatePostgres())
        return self._postgres

    @property
    def environment(self) -> dict[str, str]:
        """The environment of programs: that of this process, without settings of the application and of Python."""
        return {name: value for name, value in os.environ.items() if not name.startswith(("TASKMANAGER_", "PYTHON"))}

    def new_name(self, what: str) -> str:
        """Return a name that is used only once in this run of the bench."""
        return f"{what}-{next(self._numbers)}"

    def kept(self, name: str, make: Callable[[], T]) -> T:
        """Return what was made under a name, or make it now; it is kept until `forget`."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]  # type: ignore[return-value]  # a name belongs to one kind of thing

    def forget(self) -> None:
        """End everything that was kept."""
        self._kept.clear()
        self.for_case.close()


def peers_python() -> str:
    """Return the Python that has the peers' libraries: that of their environment, or else this one."""
    return str(PEERS_PYTHON if PEERS_PYTHON.exists() else sys.executable)
