"""Serves a console with uvicorn until a signal or an event ends it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette

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
        SettingsError: the file with the keys, or the certificate with its key, cannot be used.
        StorageUnavailable: the console's own database does not answer.
        OSError: it cannot listen there.
    """
    app.complete()
    _check_certificate(options)
    with (
        contextlib.closing(_listen(options.host, options.port)) as listening,
        contextlib.closing(open_store(settings)) as store,
        with_keyring(Site(app=app, settings=settings, store=store, options=options, again=again)) as site,
        contextlib.suppress(KeyboardInterrupt),  # uvicorn raises the signal again when it has ended
        interruptible(),
    ):
        _ConsoleServer(_config(build_console(site), options), on_listening, name=options.shown_name).run([listening])


def _check_certificate(options: ServingOptions) -> None:
    """Check that certificate and key can be used, before uvicorn reads them.

    Raises:
        SettingsError: a file cannot be read, the two do not belong together, or the key has a passphrase.
    """
    if options.certificate is None:
        return

    def refuse() -> str:  # otherwise OpenSSL asks on the terminal
        encrypted = (
            f"{options.key}: the key is encrypted, and nobody is asked for its passphrase. Use a key without one: "
            "`openssl pkey -in KEY -out NEW` writes it; only its owner may read it"
        )
        raise SettingsError([encrypted])

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(options.certificate, options.key, password=refuse)
    except OSError as error:  # an SSLError is one too
        why = error.strerror if not isinstance(error, ssl.SSLError) else error.reason or "it is not one in PEM form"
        files = f"--cert {options.certificate}, --key {options.key}"
        raise SettingsError([f"the certificate cannot be used: {files}: {why}"]) from error


def _listen(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


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
    server = _ConsoleServer(_config(console, options), on_listening, signals=False)
    serving, stopping = asyncio.create_task(server.serve([listening])), asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.handle_exit(signal.SIGTERM, None)  # live pages learn of the end from it
    await serving


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


class _ConsoleServer(uvicorn.Server):
    """A server that says when it listens.

    Args:
        config: its configuration.
        on_listening: called with its address.
        signals: whether SIGINT and SIGTERM end it.
        name: the host in that address; None for the one at which it listens.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        on_listening: Callable[[str], None],
        *,
        signals: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(config)
        self._on_listening = on_listening
        self._signals = signals
        self._name = name

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals() if self._signals else contextlib.nullcontext():
            yield

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            scheme = "https" if self.config.is_ssl else "http"
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            host = self._name or host
            self._on_listening(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/")


def _config(console: Starlette, options: ServingOptions) -> uvicorn.Config:
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
