"""Runs scenes, one after the other, each with both forms on databases of their own."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct

from leveret.application.database import build_engine
from leveret.cli.ending.endings import CommandFailed
from leveret.client import Client
from leveret.devbroker import DevBroker
from leveret.process.durations import format_duration
from leveret.process.process_group import ProcessGroup
from leveret.topology import Topology
from taskmanager import usecases
from taskmanager.actions import app
from taskmanager.compare.callers import Caller, HttpCaller, RabbitCaller, ask_steadily
from taskmanager.compare.forms import FORMS, DatabaseLock, Form, Servers, bare_environment, effects, wait_until_empty
from taskmanager.compare.judging import Judgement, Outcome, judge
from taskmanager.compare.scenes import COST, Deed, Scene
from taskmanager.compare.server import COST as COST_VARIABLE
from taskmanager.domain import NewUser
from taskmanager.settings import PREFIX, Settings

_REST: Final = 15.0
"""Seconds that the system gets to come to rest after a scene."""


class Shown(Struct, frozen=True):
    """A scene with one form: what callers saw, and the judgement."""

    scene: Scene
    form: Form
    outcomes: tuple[Outcome, ...]
    judgement: Judgement


class Stage(Struct, frozen=True):
    """What a form has under it in a scene: the broker's address, its names there, a database, and a user's token."""

    url: str
    settings: Settings
    topology: Topology
    database: Path
    token: str


def run_scenes(scenes: Sequence[Scene], begin: Callable[[Scene, Form], None]) -> Iterator[Shown]:
    """Run scenes on a private broker, and yield what each shows; everything ends and is removed with the iterator.

    Args:
        scenes: the scenes.
        begin: called before each scene with each form.

    Raises:
        BrokerMissing: RabbitMQ is not installed.
        BrokerFailed: the private node did not start.
        CommandFailed: a server did not start.
    """
    with DevBroker() as broker:
        for scene in scenes:
            for form in FORMS:
                begin(scene, form)
                with _folder() as (folder, processes):
                    stage = _prepare(folder, broker.url, scene)
                    servers = Servers(form, folder, _environment(stage), processes)
                    yield asyncio.run(_Play(scene, stage, servers).run())


@contextmanager
def _folder() -> Iterator[tuple[Path, ProcessGroup]]:
    processes = ProcessGroup()
    with tempfile.TemporaryDirectory(prefix="taskmanager-compare-") as name:
        processes.remove_when_orphaned(Path(name))
        try:
            yield Path(name), processes
        finally:
            processes.end()


class _Play:
    """One scene with one form."""

    def __init__(self, scene: Scene, stage: Stage, servers: Servers) -> None:
        self._scene = scene
        self._stage = stage
        self._servers = servers
        self._lock = DatabaseLock(stage.database)

    async def run(self) -> Shown:
        scene, stage, servers = self._scene, self._stage, self._servers
        await servers.start()
        async with self._caller() as caller:
            asking = ask_steadily(caller, scene.name, scene.rate, scene.seconds, scene.patience)
            try:
                async with asyncio.TaskGroup() as group:
                    asked, _ = group.create_task(asking), group.create_task(self._do_all())
            except* CommandFailed as failures:
                raise failures.exceptions[0] from None
            finally:
                self._lock.release()
        left = await self._come_to_rest()
        await servers.stop()
        outcomes = tuple(asked.result())
        return Shown(scene, servers.form, outcomes, judge(outcomes, effects(stage.database), left))

    @asynccontextmanager
    async def _caller(self) -> AsyncIterator[Caller]:
        stage = self._stage
        if self._servers.form == "rest":
            caller = HttpCaller(self._servers.addresses, stage.token)
            try:
                yield caller
            finally:
                await caller.close()
            return
        async with Client(stage.url, topology=stage.topology, name="taskmanager compare") as client:
            yield RabbitCaller(client, stage.token)

    async def _do_all(self) -> None:
        began = time.monotonic()
        for event in self._scene.events:
            await asyncio.sleep(max(began + event.at - time.monotonic(), 0))
            await self._do(event.deed)

    async def _do(self, deed: Deed) -> None:
        servers = self._servers
        match deed:
            case "kill":
                await servers.kill()
            case "start":
                await servers.start_again()
            case "add":
                await servers.start()
            case "break" | "mend":
                await servers.stop()
                await servers.start_again(is_broken=deed == "break")
            case "lock":
                await asyncio.to_thread(self._lock.take)
            case "unlock":
                self._lock.release()

    async def _come_to_rest(self) -> int:
        """Wait until nothing waits; have dead letters carried out, and return how many there were."""
        stage = self._stage
        if self._servers.form == "rest":
            return 0
        left = await wait_until_empty(stage.url, stage.topology, _REST)
        if left:
            await self._servers.command("letters", "redrive", "--all", "--wait", "0s")
            await wait_until_empty(stage.url, stage.topology, _REST)
        return left


def _prepare(folder: Path, url: str, scene: Scene) -> Stage:
    """Make a database with one user, and names at the broker."""
    settings = replace(
        Settings(),
        amqp_url=url,
        database_url=f"sqlite:///{(folder / 'compare.db').as_posix()}",
        jwt_secret=secrets.token_hex(32).encode(),
        queue_prefix=f"compare-{secrets.token_hex(3)}",
        retry_delays=(timedelta(seconds=scene.retry_delay),),
    )
    app.prepare_database(settings, migrate=True)
    engine = build_engine(settings)
    with engine.begin() as connection:
        new = NewUser("compare@example.com", "Compare")
        user = usecases.register(connection, new, "no password fits this", datetime.now(UTC))
    engine.dispose()
    token = app.keyring(settings).issue(str(user.id), timedelta(hours=1))
    return Stage(url, settings, app.topology(settings), folder / "compare.db", token)


def _environment(stage: Stage) -> dict[str, str]:
    settings = stage.settings
    return bare_environment() | {
        f"{PREFIX}AMQP_URL": stage.url,
        f"{PREFIX}QUEUE_PREFIX": settings.queue_prefix,
        f"{PREFIX}DATABASE_URL": settings.database_url,
        f"{PREFIX}JWT_SECRET": (settings.jwt_secret or b"").decode(),
        f"{PREFIX}RETRY_DELAY": format_duration(settings.retry_delays[0]),
        COST_VARIABLE: str(COST),
    }
