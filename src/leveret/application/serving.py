"""A worker with its connections to the database and the keys that it follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from leveret.api import Api
from leveret.api.context import S
from leveret.application.database import open_engine
from leveret.application.observing import observing
from leveret.application.parts import following_keys
from leveret.application.surroundings import OUTSIDE, Surroundings
from leveret.auth.keyring import Keyring
from leveret.errors import SettingsError
from leveret.observe import Observer
from leveret.retry import RetryPolicy
from leveret.settings import Settings
from leveret.sql import Store
from leveret.topology import Topology
from leveret.worker import Worker, WorkerOptions
from leveret.worker.action_limits import about_retention, about_watchdog

LANES: Final = {"sqlite": 1, "postgresql": 4}
"""Transactions at a time in one worker process. SQLite has one writer: a second lane would only wait for the first."""


@contextmanager
def open_worker(
    actions: Api[S],
    settings: Settings,
    keyring: Keyring,
    services: S,
    *,
    name: str,
    version: str,
    topology: Topology,
    policy: RetryPolicy,
    forgetting: Sequence[Callable[[sa.Connection, datetime, int], int]],
    observers: Sequence[Observer],
    database: bool = True,
    surroundings: Surroundings = OUTSIDE,
) -> Iterator[Worker[S]]:
    """Make a worker, and close its connections to the database when the block ends.

    Args:
        actions: what it runs.
        settings: the settings; the database has to be prepared already.
        keyring: verifies tokens; it follows the file with the keys.
        services: handed to the actions.
        name: name of the worker in the broker's list of connections.
        version: version of the application; empty if it has none.
        topology: names at the broker.
        policy: limits of retrying.
        forgetting: the application's part of the clean-up.
        observers: told of each point of a request's life.
        database: whether anything is kept, see ``open_engine``.
        surroundings: what a test has instead of network, clock and database.

    Raises:
        SettingsError: the watchdog or the retention is too short for an action.
    """
    _check(actions, settings)
    options = WorkerOptions(
        name=name,
        version=version,
        prefetch=settings.prefetch,
        replay_all=settings.replay_all,
        largest_response=settings.largest_response,
        retention=settings.retention,
        rate_limit=settings.rate_limit,
        watchdog=settings.watchdog,
        lasting_journal=database,
    )
    given = surroundings.engine
    opened = open_engine(settings, needed=database) if given is None else nullcontext(given)
    with opened as engine, following_keys(settings, keyring), observing(settings, name) as further:
        yield Worker(
            actions,
            settings.amqp_url,
            [Store(engine) for _ in range(LANES[engine.dialect.name])],
            keyring,
            services,
            topology=topology,
            policy=policy,
            options=options,
            forgetting=forgetting,
            observers=[*observers, *further],
            connect=surroundings.connect,
            clock=surroundings.clock,
        )


def _check(actions: Api[S], settings: Settings) -> None:
    found = {
        "WATCHDOG": about_watchdog(actions, settings.watchdog),
        "RETENTION": about_retention(actions, settings.retention),
    }
    if problems := [f"{settings.variable(name)}: {problem}" for name, problem in found.items() if problem]:
        raise SettingsError(problems)
