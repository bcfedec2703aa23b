"""What carries a gateway's calls: a client that connects when it can, or says at once that it cannot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Protocol

from leveret.client import Client, ReceivedReply
from leveret.errors import NotSent
from leveret.process.backoff import Backoff

logger = logging.getLogger("leveret.gateway")


_FIRST: Final = 2.0
"""Seconds that a gateway waits for its first connection before it serves without one."""


class Upstream(Protocol):
    """Carries the calls of a gateway to workers."""

    @property
    def trouble(self) -> str | None:
        """Why requests cannot be sent now; None if they can."""

    async def ask(
        self,
        action: str,
        data: Mapping[str, Any],
        *,
        version: str,
        token: str,
        id: str,  # noqa: A002 - as in `Caller.ask`
        timeout: float,
    ) -> ReceivedReply:
        """Call an action, see `leveret.client.Caller.ask`."""

    async def send(
        self,
        action: str,
        data: Mapping[str, Any],
        *,
        version: str,
        token: str,
        id: str,  # noqa: A002 - as in `Caller.ask`
        timeout: float,
    ) -> str:
        """Send a request without waiting for its reply, see `leveret.Client.send`."""


class LateUpstream:
    """Carries calls by what exists only while the gateway serves."""

    def __init__(self) -> None:
        self._upstream: Upstream | None = None

    def use(self, upstream: Upstream) -> None:
        """Carry calls by this from now on."""
        self._upstream = upstream

    @property
    def trouble(self) -> str | None:
        """Why requests cannot be sent now; None if they can."""
        return "the gateway does not serve yet" if self._upstream is None else self._upstream.trouble

    async def ask(
        self,
        action: str,
        data: Mapping[str, Any],
        *,
        version: str,
        token: str,
        id: str,  # noqa: A002 - as in `Caller.ask`
        timeout: float,
    ) -> ReceivedReply:
        """Call an action, see `leveret.client.Caller.ask`.

        Raises:
            NotSent: nothing carries calls yet.
        """
        if self._upstream is None:
            raise NotSent(f"{version}.{action} {id} was not sent: {self.trouble}")
        return await self._upstream.ask(action, data, version=version, token=token, id=id, timeout=timeout)

    async def send(
        self,
        action: str,
        data: Mapping[str, Any],
        *,
        version: str,
        token: str,
        id: str,  # noqa: A002 - as in `Caller.ask`
        timeout: float,
    ) -> str:
        """Send a request without waiting for its reply, see `leveret.Client.send`.

        Raises:
            NotSent: nothing carries calls yet.
        """
        if self._upstream is None:
            raise NotSent(f"{version}.{action} {id} was not sent: {self.trouble}")
        return await self._upstream.send(action, data, version=version, token=token, id=id, timeout=timeout)


class BrokerUpstream:
    """Calls over RabbitMQ. While there is no connection, each call fails at once instead of after its timeout.

    Args:
        client: is not connected yet.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def trouble(self) -> str | None:
        """Why requests cannot be sent now; None if they can."""
        return self._client.trouble

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Keep a connection, as far as there is a broker, until the block ends; what is in flight then has ended."""
        connecting = asyncio.create_task(self._connect())
        try:
            await asyncio.wait({connecting}, timeout=_FIRST)
            yield
        finally:
            connecting.cancel()
            with suppress(asyncio.CancelledError):
                await connecting
            await self._client.close()

    async def ask(
        self,
        action: str,
        data: Mapping[str, Any],
        *,
        version: str,
        token: str,
        id: str,  # noqa: A002 - as in `Caller.ask`
        timeout: float,
    ) -> ReceivedReply:
        """Call an action, see `leveret.client.Caller.ask`.

        Raises:
            NotSent: there is no connection, or the broker takes no messages.
            Overloaded, NoAnswer, IdReused: as there.
        """
        if trouble := self.trouble:
            raise NotSent(f"{version}.{action} {id} was not sent: {trouble}")
        return await self._client.ask(action, data, version=version, token=token, id=id, timeout=timeout)

    async def send(
        self,
        action: str,
        data: Mapping[str, Any],
        *,
        version: str,
        token: str,
        id: str,  # noqa: A002 - as in `Caller.ask`
        timeout: float,
    ) -> str:
        """Send a request without waiting for its reply; return its id when the broker has accepted it.

        Raises:
            NotSent: there is no connection, or the broker takes no messages.
            Overloaded, NoAnswer, IdReused: as `leveret.Client.send`.
        """
        if trouble := self.trouble:
            raise NotSent(f"{version}.{action} {id} was not sent: {trouble}")
        return await self._client.send(action, data, version=version, token=token, id=id, timeout=timeout)

    async def _connect(self) -> None:
        """Connect for the first time; after that the client connects again by itself."""
        for pause in Backoff():
            try:
                await self._client.connect()
            except NotSent as error:
                logger.warning("%s. Requests get 503 until there is one", error)
            else:
                return
            await asyncio.sleep(pause)
