"""The stage: one scene's broker, database, folder, users, workers and loads, with one orderly end."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar

from faults.crew import WORKER, Crew, child_environment
from faults.ledger import Entry, Kind, Request
from faults.load import Load, LoadOptions
from faults.node import Node
from leveret.process.process_group import ProcessGroup
from leveret.topology import Topology
from taskmanager.bootstrap import build_topology, prepare_database
from taskmanager.settings import PREFIX, Settings
from testbed.enrolling import enrol
from testbed.postgres import PrivatePostgres

Database = Literal["sqlite", "postgresql"]
Part = TypeVar("Part")

USERS: Final = 2
"""Users who send requests."""

MIGRATING: Final = threading.Lock()
"""Alembic keeps the migration that runs in global names: one at a time in a process, although several scenes begin."""

Make = Callable[[int, Random], Request]
"""Makes a request, of its number and of the scene's random numbers."""


class Stage:
    """One scene's world: ``async with`` it; whatever it started ends with it.

    Args:
        name: of the scene.
        random: the scene's random numbers.
        database: the engine.
        broker: a node that runs already and is shared; by default the stage has one of its own.
        heartbeat: seconds, of the workers' connections.
        variables: settings of the workers, without ``TASKMANAGER_``.

    Attributes:
        name: of the scene.
        random: decides everything that is random.
        broker: the private RabbitMQ node.
        postgres: the private PostgreSQL, None with SQLite.
        database_url: of the database itself, whatever the workers are told.
        folder: for the database, the workers' logs and whatever a scene needs; removed at the end.
        tokens: a token of each user, by the user's id.
        entries: what every load has sent.
        loads: all loads, those that have ended too.
        crews: all crews.
        strikes: how often the fault has struck while a load was under way.
        notes: further figures for the report.
        variables: what else the environment of workers holds, by full names.
    """

    broker: Node
    folder: Path
    database_url: str

    def __init__(
        self,
        name: str,
        random: Random,
        *,
        database: Database = "sqlite",
        broker: Node | None = None,
        heartbeat: int | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.random = random
        self.postgres: PrivatePostgres | None = None
        self.tokens: dict[int, str] = {}
        self.entries: list[Entry] = []
        self.loads: list[Load] = []
        self.crews: list[Crew] = []
        self.strikes = 0
        self.notes: dict[str, Any] = {}
        self._database = database
        self._shared = broker
        self._heartbeat = heartbeat
        self._variables = dict(variables or {})
        self.variables: dict[str, str] = {}
        self._due: dict[str, str] = {}
        self._numbers = 0
        self._stack = AsyncExitStack()
        self._processes = ProcessGroup()

    async def __aenter__(self) -> Self:
        try:
            await self._set_up()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of a worker."""
        return child_environment(**{PREFIX + name: value for name, value in self._variables.items()}, **self.variables)

    @property
    def worker_settings(self) -> Settings:
        """What a worker reads out of its environment."""
        return Settings.from_environment(self.environment)

    @property
    def topology(self) -> Topology:
        """The names at the broker."""
        return build_topology(self.worker_settings)

    def settings(self, **variables: str) -> None:
        """Change settings, by their names without ``TASKMANAGER_``, for the workers that are started from now on."""
        self._variables |= variables

    async def keep(self, part: AbstractAsyncContextManager[Part]) -> Part:
        """Enter something that workers need for as long as they live, such as a proxy; it ends with the stage."""
        return await self._stack.enter_async_context(part)

    def crew(self, count: int = 2, command: Sequence[str] = WORKER) -> Crew:
        """Make a crew; ``async with`` it. It works until the stage ends, so that everything is worked off."""
        crew = Crew(
            self._processes,
            count,
            self.folder,
            environment=lambda: self.environment,
            random=self.random,
            command=command,
        )
        self.crews.append(crew)
        return crew

    def load(
        self,
        count: int,
        *,
        make: Make | None = None,
        ask_share: float = 0.5,
        url: str | None = None,
        rate: float | None = None,
        burst: int = 1,
        in_flight: int = 100,
        connections: int = 4,
        timeout: float = 10.0,
        patience: float = 120.0,
        until: int = 0,
    ) -> Load:
        """Make a load of `count` requests; ``async with`` it, the end of the block waits for its end.

        ``make`` makes each request; by default they are `ordinary` ones, of which the share ``ask_share`` asks for a
        reply while the others are sent and forgotten. ``url`` is the broker's as clients shall see it, such as a
        proxy's. With ``until`` strikes wanted the load slows down while it is ahead of them, and goes on until they are
        there. For the others see `LoadOptions`.
        """
        options = LoadOptions(
            rate=rate,
            burst=burst,
            in_flight=in_flight,
            connections=connections,
            timeout=timeout,
            patience=patience,
            struck=lambda: self.strikes / until if until else 1.0,
        )
        chosen = make or (lambda _number, random: self.ordinary("ask" if random.random() < ask_share else "send"))
        load = Load(
            url or self.broker.url,
            self.topology,
            self.tokens,
            lambda number: self._enter(chosen(number, self.random)),
            count=count,
            options=options,
        )
        self.loads.append(load)
        return load

    def ordinary(self, kind: Kind = "ask", *, due: str | None = None, **data: Any) -> Request:
        """Make a request to create a task whose title is the request's new id.

        Args:
            kind: ask or send.
            due: a text in the reason of the dead letter that it has to become.
            data: more input of the action; None takes a field out.
        """
        self._numbers += 1
        request_id = f"{self.name}-{self._numbers:06d}"
        wanted = {name: value for name, value in {"title": request_id, **data}.items() if value is not None}
        return Request(id=request_id, user=self._numbers % USERS + 1, kind=kind, data=wanted, due=due)

    def due(self, request_id: str, why: str) -> None:
        """Say that a request has to become a dead letter whose reason holds a text."""
        self._due[request_id] = why
        for entry in self.entries:
            if entry.request.id == request_id:
                entry.due = why

    def struck(self, count: int = 1) -> bool:
        """Count strikes; only those count that come while a load is under way, and only they return True."""
        if not any(load.begun and not load.done for load in self.loads):
            return False
        self.strikes += count
        return True

    @property
    def deaths(self) -> Counter[str]:
        """How workers ended, of all crews."""
        return sum((crew.deaths for crew in self.crews), Counter())

    async def end_crews(self) -> None:
        """Stop all workers in order."""
        for crew in self.crews:
            await crew.end()

    def _enter(self, request: Request) -> Entry:
        entry = Entry(request, due=self._due.get(request.id, request.due))
        self.entries.append(entry)
        return entry

    async def _set_up(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="leveret-faults-"))
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.broker = self._shared or await self._own_broker()
        self.database_url = await self._own_database()
        self._stack.callback(self._processes.end)
        heartbeat = "" if self._heartbeat is None else f"?heartbeat={self._heartbeat}"
        given = {
            "AMQP_URL": self.broker.url + heartbeat,
            "DATABASE_URL": self.database_url,
            "JWT_SECRET": secrets.token_hex(32),
            "QUEUE_PREFIX": f"{self.name}-{secrets.token_hex(3)}",
            "RETRY_DELAY": "200ms",
        }
        self._variables = given | self._variables
        settings = self.worker_settings
        await asyncio.to_thread(_prepare, settings)
        self.tokens = await asyncio.to_thread(enrol, settings, USERS)

    async def _own_broker(self) -> Node:
        node = Node()
        self._stack.callback(node.stop)
        await asyncio.to_thread(node.start)
        return node

    async def _own_database(self) -> str:
        if self._database == "sqlite":
            return f"sqlite:///{(self.folder / 'faults.db').as_posix()}"
        cluster = await asyncio.to_thread(PrivatePostgres().__enter__)
        self._stack.callback(cluster.remove)
        self.postgres = cluster
        return cluster.url


def _prepare(settings: Settings) -> None:
    with MIGRATING:
        prepare_database(settings, migrate=True)
