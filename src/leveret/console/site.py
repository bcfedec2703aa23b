"""What the pages of a console know: the application, its settings, and how they are served."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import Struct

from leveret.application import Application
from leveret.auth.keyring import Keyring
from leveret.console.security.origins import LOOPBACK
from leveret.console.security.store import ConsoleStore
from leveret.settings import Settings
from leveret.topology import Topology


class ServingOptions(Struct, frozen=True, kw_only=True):
    """Where and how a console listens.

    Attributes:
        host: address to listen at.
        port: port to listen at; 0 for a free one.
        names: names in a browser's address line, beside those of this machine.
        certificate: path of a TLS certificate with its chain; None for plain HTTP.
        key: path of its private key.
        behind_proxy: a proxy on the way speaks TLS, and tells the caller's address.
    """

    host: str = "127.0.0.1"
    port: int = 8807
    names: tuple[str, ...] = ()
    certificate: str | None = None
    key: str | None = None
    behind_proxy: bool = False

    @property
    def encrypted(self) -> bool:
        """Whether browsers reach the console by HTTPS."""
        return self.certificate is not None or self.behind_proxy

    @property
    def is_local(self) -> bool:
        """Whether it listens at this machine only."""
        return self.host in ("127.0.0.1", "localhost", "::1")

    @property
    def shown_name(self) -> str | None:
        """The host in the address that is shown: a name, where it listens at all addresses of this machine."""
        return self.names[0] if self.host in ("0.0.0.0", "::") and self.names else None  # noqa: S104 - compared only

    @property
    def known_hosts(self) -> frozenset[str]:
        """The names that a Host header may have, in small letters and without a port."""
        own = LOOPBACK if self.is_local else (self.host,)
        return frozenset(name.lower() for name in (*own, *self.names))


@dataclass(frozen=True, kw_only=True)
class Site:
    """What the pages of a console know.

    Attributes:
        app: the application; all of its actions are registered.
        settings: its settings.
        store: accounts and sessions.
        keyring: verifies tokens of the application; None where there is no secret.
        options: how the console is served.
        again: returns the command line that calls the application's command with some words, in another process; None
            where nobody knows.
        index: path of the file with the index of letters; None for the usual one.
        clock: POSIX time in seconds.
        development: it belongs to a program that somebody writes, and an address may hold name and password.
    """

    app: Application[Any]
    settings: Settings
    store: ConsoleStore
    keyring: Keyring | None = None
    options: ServingOptions = field(default_factory=ServingOptions)
    again: Callable[..., list[str]] | None = None
    index: Path | None = None
    clock: Callable[[], float] = time.time
    development: bool = False

    @property
    def topology(self) -> Topology:
        """Names at the broker."""
        return self.app.topology(self.settings)

    @property
    def cookie(self) -> str:
        """Name of the session's cookie.

        With HTTPS it has the prefix ``__Host-``, so that no other host and no plain page can set it. Browsers take that
        prefix only together with ``Secure``, and not all of them take ``Secure`` from http://127.0.0.1.
        """
        return f"{'__Host-' if self.options.encrypted else ''}{self.app.name}-console"


def console_database(settings: Settings) -> str:
    """Return the SQLAlchemy URL of the console's own database.

    It is not the application's, because the console has to let people in while that is away.
    """
    if settings.console_database_url is not None:
        return settings.console_database_url
    name = f"{settings.name}-console.db"
    return f"sqlite:///{file.with_name(name).as_posix() if (file := settings.sqlite_file) else name}"
