"""Serves a console with uvicorn until a signal or an event ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from leveret.application import Application
from leveret.application.parts import following_keys
from leveret.auth.keyring import Keyring
from leveret.errors import SettingsError
from leveret.observe.http_counts import HttpCounts
from leveret.process.interrupts import interruptible
from leveret.settings import Settings
from leveret.web import server as web_server
from leveret.web.certificates import check_certificate
from leveret.web.console.building import build_console
from leveret.web.console.security.store import ConsoleStore
from leveret.web.console.site import ServingOptions, Site, console_database
from leveret.web.measuring import Measured, measured_pages
from leveret.web.server import WebServer

logger: Final = logging.getLogger("leveret.console")

_GRACE: Final = 5
"""Seconds that open pages get to end; live ones end at once."""


def serve_console(
    app: Application[Any],
    settings: Settings,
    options: ServingOptions,
    on_listening: Callable[[str], None],
    again: Callable[..., list[str]] | None = None,
) -> None:
    """Serve a console in the main thread until SIGINT or SIGTERM.

    Args:
        app: the application.
        settings: its settings.
        options: where to listen.
        on_listening: called with the console's address when it listens.
        again: see ``Site``.

    Raises:
        SettingsError: the file with the keys, or the certificate with its key, cannot be used, or metrics cannot be
            served.
        StorageUnavailable: the console's own database does not answer.
        OSError: it cannot listen there.
    """
    app.complete()
    counts = HttpCounts()
    check_certificate(options.certificate, options.key)
    with (
        contextlib.closing(web_server.listen(options.host, options.port)) as listening,
        contextlib.closing(open_store(settings)) as store,
        with_keyring(Site(app=app, settings=settings, store=store, options=options, again=again)) as site,
        measured_pages(options.metrics, "console", counts, store.trouble) as pages,
        contextlib.suppress(KeyboardInterrupt),  # uvicorn raises the signal again when it has ended
        interruptible(),
    ):
        if pages:
            logger.info("metrics at http://%s/metrics, health at /health/...", pages)
        console = build_console(site, counts)
        served = Measured(console, console.routes, counts)
        WebServer(_config(served, options), on_listening, signals=True, name=options.shown_name).run([listening])


async def serve_until(
    stop: asyncio.Event,
    console: Starlette,
    options: ServingOptions,
    listening: socket.socket,
    on_listening: Callable[[str], None],
) -> None:
    """Serve a console until an event is set; signals are somebody else's.

    Args:
        stop: ends it; pages that are live end at once.
        console: its pages.
        options: how it is served; where it listens is said by the socket.
        listening: is bound to an address, and closed at the end.
        on_listening: called with the console's address when it listens.
    """
    await web_server.serve_until(stop, WebServer(_config(console, options), on_listening), listening)


@contextlib.contextmanager
def with_keyring(site: Site) -> Iterator[Site]:
    """Return a site that verifies tokens of the application, if there is a secret; it follows changes of the keys.

    Raises:
        SettingsError: the file with the keys cannot be used.
    """
    keyring = _keyring(site.app, site.settings)
    if keyring is None:
        yield site
        return
    with following_keys(site.settings, keyring):
        yield replace(site, keyring=keyring)


def open_store(settings: Settings) -> ConsoleStore:
    """Open the console's own database; the caller closes it.

    Raises:
        StorageUnavailable: it does not answer.
    """
    store = ConsoleStore(console_database(settings), time.time)
    store.prepare()
    return store


def _config(console: ASGIApp, options: ServingOptions) -> uvicorn.Config:
    return uvicorn.Config(
        console,
        host=options.host,
        port=options.port,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
        proxy_headers=False,  # uvicorn would believe what the caller has written there
        server_header=False,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE,
        h11_max_incomplete_event_size=16 * 1024,
        limit_concurrency=200,
    )


def _keyring(app: Application[Any], settings: Settings) -> Keyring | None:
    """Return the keyring that verifies tokens; None where there is no secret, so that only accounts sign in."""
    try:
        return app.keyring(settings, make_secret=False)
    except SettingsError:
        return None
