"""The door to all of it: ``TestClient(app)``, with and without an event loop."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from msgspec.structs import replace

from leveret.application import Application
from leveret.client.loop_thread import LoopThread
from leveret.testing.blocking import BlockingTestClient
from leveret.testing.client import AsyncTestClient
from leveret.testing.held import Held
from leveret.testing.opening import Options, open_client


class TestClient:
    """Runs an application for one test, without a broker: ``async with TestClient(app) as client``.

    The application's actions run in a real worker, and a real client calls them: with decoding, authentication, checks,
    idempotency, retries and dead letters. Between the two is a broker in memory. The database is SQLite in memory. The
    environment is not read.

    In a test without an event loop, ``with TestClient(app) as client`` does the same in a thread; then calls wait.

    Args:
        app: the application.
        settings: settings to replace, by their names without the application's prefix, as in the environment:
            ``{"RETRY_DELAY": "1s,5s", "MAX_RETRIES": 2}``.
        resources: instances that stand in the place of the application's resources, by their types:
            ``{Mailer: FakeMailer()}``. What is replaced is not built, nor is what only it needs.
        database: SQLAlchemy URL of a database to use instead; the tables that it lacks are made.
        raise_errors: whether what an action raises is raised in the test that called it, with its traceback, instead of
            becoming a response, a retry or a dead letter. Where no call waits, ``settled``, ``advance`` or the end of
            the block raises it. What would end the test's own task or program, such as SystemExit, is the cause of a
            RuntimeError.
        real: whether to use a private RabbitMQ node instead of the broker in memory. It is started once for all tests
            of a process, and ends with the process.
        broker: address of a RabbitMQ to use instead; the test's queues have names of their own and are removed.
    """

    __test__ = False  # pytest would take it for a class of tests

    def __init__(
        self,
        app: Application[Any],
        *,
        settings: Mapping[str, object] | None = None,
        resources: Mapping[Any, object] | None = None,
        database: str | None = None,
        raise_errors: bool = False,
        real: bool = False,
        broker: str | None = None,
    ) -> None:
        self._real = real
        self._options = Options(
            app=app,
            settings=settings or {},
            resources=resources or {},
            database=database,
            raise_errors=raise_errors,
            broker=broker,
        )
        self._held: Held[AsyncTestClient] | None = None
        self._thread: LoopThread | None = None

    async def __aenter__(self) -> AsyncTestClient:
        held = self._begin()
        try:
            return await held.open()
        except BaseException:
            self._held = None
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        held, self._held = self._held, None
        if held is not None:
            await held.close(error)

    def __enter__(self) -> BlockingTestClient:
        held, self._thread = self._begin(), LoopThread("test client")
        try:
            client = self._thread.run(held.open)
        except BaseException:
            self._end_thread()
            raise
        return BlockingTestClient(client, self._thread.run)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._thread is not None:
                self._thread.run(lambda: self.__aexit__(kind, error, trace))
        finally:
            self._end_thread()

    def _begin(self) -> Held[AsyncTestClient]:
        if self._held is not None:
            raise RuntimeError("This TestClient is open already: make another one")
        options = self._options
        if self._real and options.broker is None:
            from leveret.testing.broker import shared_broker  # noqa: PLC0415 - only who uses it pays for it

            options = replace(options, broker=shared_broker().url)
        self._held = Held(open_client(options))
        return self._held

    def _end_thread(self) -> None:
        thread, self._thread, self._held = self._thread, None, None
        if thread is not None:
            thread.stop()
