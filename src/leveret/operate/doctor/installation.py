"""What is examined: an application with the settings that were found for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from leveret.amqp import AddressError, Addresses
from leveret.application import Application
from leveret.broker.management import Administrator, ManagementAddress
from leveret.settings import Settings
from leveret.topology import Topology
from leveret.wire.masking import REMOVED

_KNOWN_TO_ALL: Final = "guest"
_SHORTEST: Final = 3
"""Characters of a password that could as well be a word of a sentence."""


class ManagementLogin(Struct, frozen=True):
    """Where the broker's management API is, and who asks it. Its text hides the password."""

    address: ManagementAddress
    administrator: Administrator


class Installation(Struct, frozen=True, kw_only=True):
    """An application with its settings.

    Attributes:
        application: the application.
        settings: its settings; those that cannot be used have their defaults.
        problems: what is wrong with the settings, in words.
        lost: full names of the settings that cannot be used.
        management: for what only the management API knows; None if nobody named it.
        limit: seconds that each check may take.
    """

    application: Application[Any]
    settings: Settings
    problems: tuple[str, ...] = ()
    lost: frozenset[str] = frozenset()
    management: ManagementLogin | None = None
    limit: float = 10.0

    @property
    def topology(self) -> Topology:
        """What the application needs at the broker."""
        return self.application.topology(self.settings)

    def command(self, words: str) -> str:
        """Return what a person types to call the application's command with these words."""
        return self.application.shown_command(words)

    def variable(self, name: str) -> str:
        """Return the full name of a setting."""
        return self.settings.variable(name)

    def without_secrets(self, text: str) -> str:
        """Return a text without any password or secret of the settings, as a last guard; no check should show one."""
        for secret in sorted(set(_secrets(self)), key=len, reverse=True):
            text = text.replace(secret, REMOVED)
        return text


def _secrets(installation: Installation) -> Iterator[str]:
    """Yield what must not be shown, as far as it is long enough to be told from other words."""
    settings = installation.settings
    found: list[str | None] = [
        settings.broker_admin_password,
        settings.broker_caller_password,
        settings.broker_worker_password,
        sa.make_url(settings.database_url).password,
    ]
    if settings.jwt_secret is not None:
        found.append(settings.jwt_secret.decode(errors="replace"))
    if installation.management is not None:
        found.append(installation.management.administrator.password)
    with suppress(AddressError):
        found += [address.password for address in Addresses.parse(settings.amqp_url).members]
    yield from (secret for secret in found if secret and secret != _KNOWN_TO_ALL and len(secret) > _SHORTEST)
