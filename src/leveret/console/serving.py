"""Serves a console with uvicorn until a signal ends it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any, Final

import uvicorn

from leveret.application import Application
from leveret.application.parts import following_keys
from leveret.auth.keyring import Keyring
from leveret.console.building import build_console
from leveret.console.security.store import ConsoleStore
from leveret.console.site import ServingOptions, Site, console_database
from leveret.errors import SettingsError
from leveret.process.interrupts import interruptible
from leveret.settings import Settings

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
        SettingsError: the file with the keys cannot be used.
        StorageUnavailable: the console's own database does not answer.
    """
    app.complete()
    store = open_store(settings)
    keyring = _keyring(app, settings)
    try:
        with contextlib.ExitStack() as stack:
            if keyring is not None:
                stack.enter_context(following_keys(settings, keyring))
            site = Site(app=app, settings=settings, store=store, keyring=keyring, options=options, again=again)
            stack.enter_context(contextlib.suppress(KeyboardInterrupt))
            stack.enter_context(interruptible())  # uvicorn raises the signal again when it has ended
            _ConsoleServer(_config(site), on_listening).run()
    finally:
        store.close()


def open_store(settings: Settings) -> ConsoleStore:
    """Open the console's own database; the caller closes it.

    Raises:
        StorageUnavailable: it does not answer.
    """
    store = ConsoleStore(console_database(settings), time.time)
    store.prepare()
    return store


class _ConsoleServer(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config, on_listening: Callable[[str], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            scheme = "https" if self.config.is_ssl else "http"
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._on_listening(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/")


def _config(site: Site) -> uvicorn.Config:
    options = site.options
    return uvicorn.Config(
        build_console(site),
        host=options.host,
        port=options.port,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
        proxy_headers=options.behind_proxy,
        forwarded_allow_ips="*" if options.behind_proxy else None,
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
