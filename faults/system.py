"""The system under test: broker, database, folder, users, workers and loads of one scene, which end together."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar

import psycopg

from faults.ledger import Entry, Kind, Request
from faults.load import Load, LoadOptions
from faults.node import Node
from faults.workers import WORKER, WorkerGroup, child_environment
from leveret.process.process_group import ProcessGroup
from leveret.topology import Topology
from taskmanager.actions import app
from taskmanager.settings import PREFIX, Settings
from testbed.enrolling import enrol
from testbed.postgres import PrivatePostgres

Database = Literal["sqlite", "postgresql"]
Part = TypeVar("Part")

USERS: Final = 2
"""Number of users who send requests."""

Make = Callable[[int, Random], Request]
"""Function that makes a request from its number, with the scene's random numbers."""


class System:
    """Everything that one scene uses; the end of the ``async with`` block stops and removes all of it.

    Args:
        name: name of the scene.
        random: source of everything random.
        database: kind of database.
        broker: a node that runs already and is shared; by default the system starts one of its own.
        heartbeat: heartbeat of the workers' connections, in seconds.
        variables: settings of the workers, without ``TASKMANAGER_``.

    Attributes:
        name: name of the scene.
        random: source of everything random.
        broker: the private RabbitMQ node.
        postgres: the private PostgreSQL server; None with SQLite.
        database_url: address of the database itself, even if the workers use a proxy.
        folder: folder for the database, the workers' logs and a scene's own files; removed at the end.
        tokens: a token of each user, by the user's id.
        entries: entries of everything that the loads have sent.
        loads: all loads, including those that have ended.
        groups: all groups of workers.
        strikes: how often the fault has struck while a load was under way.
        notes: further figures for the report.
        variables: further variables in the environment of workers, by their full names.
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
        self.groups: list[WorkerGroup] = []
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
        """The settings that a worker reads from its environment."""
        return Settings.from_environment(self.environment)

    @property
    def topology(self) -> Topology:
        """The names at the broker."""
        return app.topology(self.worker_settings)

    def settings(self, **variables: str) -> None:
        """Change settings, named without ``TASKMANAGER_``, for workers that start from now on."""
        self._variables |= variables

    async def keep(self, part: AbstractAsyncContextManager[Part]) -> Part:
        """Enter a context that workers need until they end, such as a proxy; it ends with the system."""
        return await self._stack.enter_async_context(part)

    def connect_postgres(self, *, autocommit: bool = False) -> psycopg.Connection:
        """Open a connection to the private PostgreSQL server itself, even if the workers use a proxy."""
        return psycopg.connect(self.database_url.replace("+psycopg", ""), autocommit=autocommit)

    def workers(self, count: int = 2, command: Sequence[str] = WORKER) -> WorkerGroup:
        """Make a group of workers for an ``async with`` block.

        The workers run until the system ends, so that they work everything off.
        """
        group = WorkerGroup(
            self._processes,
            count,
            self.folder,
            environment=lambda: self.environment,
            random=self.random,
            command=command,
        )
        self.groups.append(group)
        return group

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
        give_up_after: float = 120.0,
        until: int = 0,
    ) -> Load:
        """Make a load of `count` requests for an ``async with`` block, whose end waits for all of them.

        ``make`` makes each request. By default they are `ordinary` ones: the share ``ask_share`` waits for a reply, and
        the others do not. ``url`` is the address that the clients use, such as that of a proxy. With ``until``, the
        load slows down while it is ahead of the strikes, and continues until there were ``until`` strikes. For the
        other arguments, see `LoadOptions`.
        """
        options = LoadOptions(
            rate=rate,
            burst=burst,
            in_flight=in_flight,
            connections=connections,
            timeout=timeout,
            give_up_after=give_up_after,
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
            kind: ``ask`` or ``send``.
            due: a text in the reason of the dead letter that the request has to become.
            data: more input of the action; None removes a field.
        """
        self._numbers += 1
        request_id = f"{self.name}-{self._numbers:06d}"
        wanted = {name: value for name, value in {"title": request_id, **data}.items() if value is not None}
        return Request(id=request_id, user=self._numbers % USERS + 1, kind=kind, data=wanted, due=due)

    def due(self, request_id: str, why: str) -> None:
        """Note that a request has to become a dead letter whose reason contains a text."""
        self._due[request_id] = why
        for entry in self.entries:
            if entry.request.id == request_id:
                entry.due = why

    def struck(self, count: int = 1) -> bool:
        """Count strikes, and return True; without a load under way, count nothing and return False."""
        if not any(load.begun and not load.done for load in self.loads):
            return False
        self.strikes += count
        return True

    @property
    def deaths(self) -> Counter[str]:
        """Number of workers of all groups that ended, by exit code or signal."""
        return sum((group.deaths for group in self.groups), Counter())

    async def end_workers(self) -> None:
        """Stop all workers of all groups."""
        for group in self.groups:
            await group.end()

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
        await asyncio.to_thread(app.prepare_database, settings, migrate=True)
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
