"""Serves a gateway until an event ends it."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import uvicorn
from msgspec import Struct
from starlette.types import ASGIApp

from leveret.application import Application
from leveret.client import Client
from leveret.observe.http_counts import HttpCounts
from leveret.process.open_files import allow_connections
from leveret.settings import Settings
from leveret.web.certificates import check_certificate
from leveret.web.gateway.access_log import write_line
from leveret.web.gateway.building import build_gateway
from leveret.web.gateway.connection_watch import ConnectionWatch, watching
from leveret.web.gateway.connections import ConnectionLimits, bounded_connections
from leveret.web.gateway.cross_origin import with_origins
from leveret.web.gateway.direct import direct_upstream
from leveret.web.gateway.pages.serving import pages_of
from leveret.web.gateway.passed_traces import PassedTraces
from leveret.web.gateway.upstream import BrokerUpstream, LateUpstream, Upstream
from leveret.web.measuring import Measured, beating, measured_pages
from leveret.web.server import WebServer, listen, serve_until

logger = logging.getLogger("leveret.gateway")

_GRACE: Final = 10
"""Seconds that requests get to end when the gateway stops."""


class GatewayOptions(Struct, frozen=True, kw_only=True):
    """Where and how a gateway serves.

    Attributes:
        host: address to listen at.
        port: port to listen at; 0 for a free one.
        direct: whether the actions run in this process, without a broker.
        timeout: seconds in which a call must be answered.
        docs: whether the documents of the routes are served, and the pages that show them.
        metrics: address and port of the pages with metrics and health; None for no pages.
        limits: what one caller may take.
        origins: whose pages may call it from a browser; ``*`` for any.
        certificate: path of a TLS certificate with its chain; None for plain HTTP.
        key: path of its private key.
        behind_proxy: whether all callers come through a proxy that tells in ``X-Forwarded-...`` who they are, and
            whether they use HTTPS.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    direct: bool = False
    timeout: float = 10.0
    docs: bool = True
    metrics: tuple[str, int] | None = None
    limits: ConnectionLimits = ConnectionLimits()
    origins: tuple[str, ...] = ()
    certificate: str | None = None
    key: str | None = None
    behind_proxy: bool = False


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
        SettingsError: the certificate with its key cannot be used, or metrics cannot be served.
    """
    app.complete()
    check_certificate(options.certificate, options.key)
    if (possible := allow_connections(options.limits.connections)) is not None:
        logger.warning("the limit of open files allows %d connections: raise it (ulimit -n) for more", possible)
    counts, upstream = HttpCounts(), LateUpstream()

    def opened() -> AbstractAsyncContextManager[Upstream]:
        return direct_upstream(app, settings) if options.direct else broker_upstream(app, settings)

    def not_ready() -> list[str]:
        return [trouble] if (trouble := upstream.trouble) else []

    served = build_gateway(
        app,
        upstream,
        opened,
        timeout=options.timeout,
        rate_limit=settings.rate_limit,
        pages=pages_of(app, app.topology(settings), docs=options.docs),
        ending=stop,
    )
    measured = with_origins(Measured(served, served.routes, counts, write_line), options.origins)
    server = WebServer(_config(measured, options), on_listening)
    watch = ConnectionWatch(options.limits, time.monotonic)
    listening = listen(options.host, options.port)
    try:
        with measured_pages(options.metrics, "gateway", counts, not_ready) as pages:
            if pages:
                logger.info("metrics at http://%s/metrics, health at /health/...", pages)
            async with beating(counts), watching(watch, server.server_state.connections):
                await serve_until(stop, server, listening)
    finally:
        listening.close()


@asynccontextmanager
async def broker_upstream(app: Application[Any], settings: Settings) -> AsyncIterator[BrokerUpstream]:
    """Call the application's workers over RabbitMQ while the block runs."""
    upstream = BrokerUpstream(
        Client(
            settings.amqp_url,
            app.topology(settings),
            name=f"{app.name} gateway {os.getpid()}",
            tracer=PassedTraces(),
        )
    )
    async with upstream.connected():
        yield upstream


def _config(served: ASGIApp, options: GatewayOptions) -> uvicorn.Config:
    return uvicorn.Config(
        served,
        http=bounded_connections(options.limits),
        ws="none",
        lifespan="on",
        server_header=False,
        headers=[("X-Content-Type-Options", "nosniff")],
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
        proxy_headers=options.behind_proxy,  # without a proxy anybody can write them
        forwarded_allow_ips="*",
        timeout_keep_alive=round(options.limits.idle_seconds),
        log_config=None,
        log_level="warning",  # it speaks of its own life in words of its own
        access_log=False,
        timeout_graceful_shutdown=_GRACE,
    )
