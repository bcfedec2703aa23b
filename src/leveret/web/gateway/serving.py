"""Serves a gateway until an event ends it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import uvicorn
from msgspec import Struct
from starlette.applications import Starlette

from leveret.application import Application
from leveret.client import Client
from leveret.settings import Settings
from leveret.web.gateway.building import build_gateway
from leveret.web.gateway.direct import direct_upstream
from leveret.web.gateway.upstream import BrokerUpstream, Upstream
from leveret.web.server import WebServer, listen, serve_until

_GRACE: Final = 10
"""Seconds that requests get to end when the gateway stops."""


class GatewayOptions(Struct, frozen=True, kw_only=True):
    """Where and how a gateway serves.

    Attributes:
        host: address to listen at.
        port: port to listen at; 0 for a free one.
        direct: whether the actions run in this process, without a broker.
        timeout: seconds in which a call must be answered.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    direct: bool = False
    timeout: float = 10.0


async def serve_gateway(
    app: Application[Any],
    settings: Settings,
    options: GatewayOptions,
    stop: asyncio.Event,
    on_listening: Callable[[str], None],
) -> None:
    """Serve an application's routes over HTTP until an event is set; what runs then is finished.

    Args:
        app: the application.
        settings: its settings; with ``direct`` the database is prepared already.
        options: where and how.
        stop: ends it.
        on_listening: called with the gateway's address when it listens.

    Raises:
        OSError: the port cannot be had.
    """
    listening = listen(options.host, options.port)
    try:
        await serve_until(stop, WebServer(_config(gateway_app(app, settings, options)), on_listening), listening)
    finally:
        listening.close()


def gateway_app(app: Application[Any], settings: Settings, options: GatewayOptions) -> Starlette:
    """Return the ASGI application of a gateway; it connects when its lifespan begins."""
    app.complete()

    def opened() -> AbstractAsyncContextManager[Upstream]:
        return direct_upstream(app, settings) if options.direct else broker_upstream(app, settings)

    return build_gateway(app, opened, timeout=options.timeout, rate_limit=settings.rate_limit)


@asynccontextmanager
async def broker_upstream(app: Application[Any], settings: Settings) -> AsyncIterator[BrokerUpstream]:
    """Call the application's workers over RabbitMQ while the block runs."""
    upstream = BrokerUpstream(
        Client(settings.amqp_url, app.topology(settings), name=f"{app.name} gateway {os.getpid()}")
    )
    async with upstream.connected():
        yield upstream


def _config(served: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        served,
        http="httptools",
        ws="none",
        lifespan="on",
        server_header=False,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE,
    )
