"""An application: its name, its actions, and what they need."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from leveret.api import WATCH, Api, Route
from leveret.api.context import S
from leveret.application import event_actions, parts
from leveret.application.database import needs_database
from leveret.application.defaults import build_defaults, check_class
from leveret.application.own_actions import health_check, stored_response
from leveret.application.resources import ApiWithResources
from leveret.application.surroundings import OUTSIDE, Surroundings
from leveret.auth.keyring import Keyring
from leveret.broker.addresses import is_on_this_machine
from leveret.broker.users import BrokerUser
from leveret.errors import SettingsError
from leveret.observe import Observer
from leveret.retry import RetryPolicy
from leveret.settings import Settings
from leveret.settings.values import secret_needed
from leveret.sql import schema
from leveret.sql.schema import Names, Schema
from leveret.topology import Topology

if TYPE_CHECKING:
    from leveret.letters.redrive import Redriver
    from leveret.worker import Worker

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")

Forgetting = Callable[[sa.Connection, datetime, int], int]
"""The application's part of the clean-up, see ``leveret.worker.watch.clean_up``."""


class Application(ApiWithResources[S]):
    """An API and everything that follows from its name: settings, queues, tokens, database, worker, command.

    Args:
        name: one word in lower case, such as ``guestbook``: the settings are ``GUESTBOOK_...``, the queues
            ``guestbook.requests`` and so on, the SQLite file ``guestbook.db``, and the tokens are issued by and for it.
        version: version of the application, which its command prints.
        prefix: what the names of its settings begin with, instead of ``GUESTBOOK_``.
        queues: what the names at the broker begin with by default, instead of ``guestbook``.
        database: SQLAlchemy URL of its database by default, instead of ``sqlite:///guestbook.db``.
        tables: its tables, which are created where they are missing, and never changed; for beginners and tests. With
            ``migrations``, they are what a new revision is compared with.
        migrations: absolute path of its Alembic folder.
        issuer: issuer and audience of its tokens, instead of its name.
        settings: the class of its settings: a subclass of ``Settings`` with settings of its own.
        command: the command that error texts name, such as ``guestbook`` if it has a command of its own.
        health_check: whether it answers ``v1.health_check`` if none of its actions does.
        events: whether its users can read the events that its actions add: with ``v1.read_events``, and over HTTP as a
            stream at ``/events``.

    Attributes:
        shown_command: returns what a person types to call its command with some words: ``shown_command("db upgrade")``.
            A command that works for it sets it to how it was called itself.

    Raises:
        ValueError: the name, or the prefix, is not of that form; queues or database are not what their settings may be;
            two fields of the settings have one name; or the path of the migrations is relative.
        TypeError: ``settings`` is not a dataclass that is a subclass of ``Settings``.
    """

    def __init__(
        self,
        name: str,
        *,
        version: str | None = None,
        prefix: str | None = None,
        queues: str | None = None,
        database: str | None = None,
        tables: sa.MetaData | None = None,
        migrations: Path | None = None,
        issuer: str | None = None,
        settings: type[Settings] = Settings,
        command: str = "leveret",
        health_check: bool = True,
        events: bool = False,
    ) -> None:
        check_class(settings, name)
        super().__init__()
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} cannot be an application's name: write up to 32 small letters, digits, '-' and '_', "
                "beginning with a letter"
            )
        self.name = name
        self.version = version
        self.issuer = issuer or name
        self.shown_command: Callable[[str], str] = f"{command} {{}}".format
        self.defaults = build_defaults(settings, name, prefix=prefix, queues=queues, database=database)
        self._names_database = database is not None
        self.schema = Schema(tables=tables, migrations=migrations)
        self._forgetting: list[Forgetting] = []
        self._health_check = health_check
        self.events = events

    @property
    def names(self) -> Names:
        """How texts name what belongs to its database."""
        return Names(
            application=self.name,
            setting=self.defaults.variable("DATABASE_URL"),
            upgrade=self.shown_command("db upgrade"),
            revise=self.shown_command("db revision"),
        )

    @property
    def prefix(self) -> str:
        """What the names of its settings begin with."""
        return self.defaults.prefix

    def clean_up(self, function: Forgetting) -> Forgetting:
        """Register a function that removes old rows of the application's own; workers call it now and then.

        It takes a connection, the moment before which rows are old, and how many rows to remove at most; it returns how
        many it removed. It is called again at once when it removed that many.
        """
        self._forgetting.append(function)
        return function

    def policy(self, settings: Settings) -> RetryPolicy:
        """Return the retry policy of the settings."""
        return parts.build_policy(settings)

    def topology(self, settings: Settings) -> Topology:
        """Return the topology: the exchange, the queues and the binding at the broker."""
        return parts.build_topology(settings).with_delays(self.retry_delays)

    def keyring(
        self, settings: Settings, *, make_secret: bool = True, clock: Callable[[], float] = time.time
    ) -> Keyring:
        """Make the keyring, with the secret that is set or the one that is kept beside the SQLite file.

        Args:
            settings: the settings.
            make_secret: whether to make that file if there is none.
            clock: POSIX time in seconds.

        Raises:
            SettingsError: there is no usable secret, or the file with the keys cannot be used. A file is not a usable
                secret if the broker is on another machine and the application has no database: workers on several
                machines would have several secrets, and refuse each other's retries.
        """
        self._check_secret(settings)
        return parts.build_keyring(settings, self.issuer, self.shown_command, make_secret=make_secret, clock=clock)

    def redriver(self, settings: Settings) -> Redriver:
        """Make the redriver, which sends dead letters again; all actions have to be registered.

        Raises:
            SettingsError: there is no usable secret. None is made, because only the workers' own secret opens letters.
        """
        from leveret.letters.redrive import Redriver  # noqa: PLC0415 - a worker redrives nothing

        self.complete()
        keyring = self.keyring(settings, make_secret=False)
        return Redriver(self.topology(settings), keyring, self, retention=settings.retention)

    def broker_users(
        self, settings: Settings, caller: str | None = None, worker: str | None = None, *, reply_queues: bool = False
    ) -> tuple[BrokerUser, BrokerUser]:
        """Return the two users that the broker should have, see ``parts.build_broker_users``."""
        return parts.build_broker_users(settings, self.topology(settings), caller, worker, reply_queues=reply_queues)

    def uses_database(self, settings: Settings) -> bool:
        """Return whether its workers use the database that the settings name.

        They do if anything has to outlive a worker, or if somebody has said which database: the application with
        ``database``, ``tables`` or ``migrations``, or the environment.
        """
        changed = settings.database_url != self.defaults.database_url
        named = self._names_database or "database_url" in settings.given or changed
        return named or self.schema != Schema() or needs_database(self, settings)

    def prepare_database(self, settings: Settings, *, migrate: bool = False) -> None:
        """Bring the database to this version's tables: SQLite always, PostgreSQL only with ``migrate``.

        An application that uses none is left as it is.

        Raises:
            SettingsError: a PostgreSQL database is not current, and ``migrate`` is false; or this version cannot use
                the database.
            StorageUnavailable: the database does not answer.
        """
        if self.uses_database(settings):
            schema.prepare(settings.database_url, self.schema, self.names, migrate=migrate)

    @asynccontextmanager
    async def worker(
        self,
        settings: Settings,
        name: str,
        *,
        actions: Api[S] | None = None,
        observers: Sequence[Observer] = (),
        surroundings: Surroundings = OUTSIDE,
    ) -> AsyncIterator[Worker[S]]:
        """Make a worker with everything that it needs, and release that when the block ends.

        Args:
            settings: the settings; the database has to be prepared already.
            name: name of the worker in the broker's list of connections.
            actions: what it runs, if not the application's actions.
            observers: told of each point of a request's life, see ``leveret.observe``.
            surroundings: what a test has instead of network, clock and database.

        Raises:
            SettingsError: there is no usable secret, or the watchdog or the retention is too short for an action.
            ResourceError, NotClosed: as `opened`.
        """
        from leveret.application.serving import open_worker  # noqa: PLC0415 - commands that only call need no worker

        self.complete()
        keyring = self.keyring(settings, clock=surroundings.clock.posix)
        async with self.opened(settings, keyring, replaced=surroundings.resources, actions=actions) as opened:
            with open_worker(
                opened.api,
                settings,
                keyring,
                opened.services,
                name=name,
                version=self.version or "",
                topology=self.topology(settings).with_delays(opened.api.retry_delays),
                policy=self.policy(settings),
                forgetting=self._forgetting,
                observers=observers,
                database=self.uses_database(settings),
                surroundings=surroundings,
            ) as worker:
                yield worker

    def _check_secret(self, settings: Settings) -> None:
        alone = self.uses_database(settings) or is_on_this_machine(settings.amqp_url)
        if settings.jwt_secret is None and not alone:
            raise SettingsError([secret_needed(settings.variable("JWT_SECRET"), "without a database")])

    @property
    def routes(self) -> list[Route]:
        """The routes over HTTP, see `Api.routes`; none leads to what only doors ask."""
        return [route for route in super().routes if route.name != WATCH]

    def complete(self) -> None:
        """Add the actions that every application has, unless it has its own of that name.

        These are ``v1.health_check``, unless it is not wanted; ``v1.stored_response`` if another action writes and
        is not public; and with ``events`` those that read them.
        """
        if self._health_check and ("v1", "health_check") not in self._actions:
            self.action("v1", "health_check", public=True)(health_check)
        stores = any(action.writes and not action.public for action in self)
        if stores and ("v1", "stored_response") not in self._actions:
            self.action("v1", "stored_response")(stored_response)
        if self.events and ("v1", event_actions.READ) not in self._actions:
            self.action("v1", event_actions.READ)(event_actions.read_events)
            self.action("v1", WATCH, public=True)(event_actions.watch_events)
