"""The client of tests that have no event loop."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from leveret.client.blocking_caller import BlockingCaller, Runner
from leveret.client.caller import DEFAULT_TIMEOUT
from leveret.letters.letter import Letter
from leveret.testing.client import TOKEN_LIFE, AsyncTestClient
from leveret.testing.ledger import WaitingRetry


class BlockingTestClient(BlockingCaller):
    """Calls an application's actions in its tests, and waits: what ``with TestClient(app)`` returns.

    Everything is as in `AsyncTestClient`, without ``await``.

    Args:
        client: does the work.
        runner: runs it in an event loop of another thread.
    """

    __test__ = False  # pytest would take it for a class of tests

    def __init__(self, client: AsyncTestClient, runner: Runner) -> None:
        super().__init__(client, runner)
        self._client = client

    @property
    def engine(self) -> sa.Engine:
        """An engine of the worker's database, to look into its tables or to prepare rows.

        On SQLite, reading with it does not lock anything. A transaction that has written keeps the worker waiting until
        it is committed: end it before the next call.
        """
        return self._client.engine

    def as_user(self, subject: str, *, life: timedelta = TOKEN_LIFE) -> BlockingTestClient:
        """Return a client whose calls have a token of this caller; see `AsyncTestClient.as_user`."""
        return BlockingTestClient(self._client.as_user(subject, life=life), self._run)

    def send(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - as in `Caller.ask`
        timeout: float = DEFAULT_TIMEOUT,
    ) -> str:
        """Send a request without waiting for a reply; return its id once the broker has accepted it."""
        return self._run(lambda: self._client.send(action, data, version=version, token=token, id=id, timeout=timeout))

    def settled(self) -> None:
        """Wait until everything that this client sent is carried out, but for what waits in retry queues."""
        self._run(self._client.settled)

    def advance(self, duration: str | timedelta) -> None:
        """Let time pass; see `AsyncTestClient.advance` for what that moves."""
        self._run(lambda: self._client.advance(duration))

    def retries(self) -> list[WaitingRetry]:
        """Return the requests that wait for a retry now, the next one first."""
        return self._run(self._client.retries)

    def letters(self) -> list[Letter]:
        """Return the dead letters, oldest first; they stay where they are."""
        return self._run(self._client.letters)

    def redrive(self, *ids: str) -> int:
        """Send the requests of dead letters again; see `AsyncTestClient.redrive`."""
        return self._run(lambda: self._client.redrive(*ids))

    def cut_connections(self) -> None:
        """End all connections to the broker in memory; see `AsyncTestClient.cut_connections`."""
        self._run(self._client.cut_connections)
