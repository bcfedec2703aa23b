"""Opens what letters are tried with: what a worker has, and a store that undoes everything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from leveret.api import Action, Api
from leveret.application import Application
from leveret.application.database import open_engine
from leveret.application.surroundings import OUTSIDE, Surroundings
from leveret.auth.keyring import Keyring
from leveret.errors import SettingsError
from leveret.inbox.batch import Inbox
from leveret.inbox.journal import Journal
from leveret.letters.redrive import Redriver
from leveret.operate.what_if.judge import Judge, Trial
from leveret.operate.what_if.not_run import why_not_run
from leveret.settings import Settings
from leveret.sql import schema
from leveret.sql.event_reader import EventReader
from leveret.sql.rehearsal import RehearsalStore
from leveret.worker.arrive.intake import Intake
from leveret.worker.run.jobs import Jobs


@asynccontextmanager
async def open_judge(
    app: Application[Any], settings: Settings, *, surroundings: Surroundings = OUTSIDE
) -> AsyncIterator[Judge]:
    """Open what a worker would have, and make a judge of letters; it works in one thread beside the event loop.

    The lifespan is opened, and the resources that the actions want which are run; so they do what they do at the start
    of a worker. Resources that only other actions want are not built.

    Args:
        app: the application; all its actions are registered.
        settings: the settings; the database has to be at this version's revision.
        surroundings: what a test has instead of clock, resources and database.

    Raises:
        SettingsError: there is no usable secret, or the database has not this version's tables.
        ResourceError, NotClosed: as ``Application.opened``.
        StorageUnavailable: the database does not answer.
    """
    app.complete()
    clock = surroundings.clock.posix
    keyring = app.keyring(settings, make_secret=False, clock=clock)
    with _opened_engine(app, settings, surroundings) as engine:
        tried = app.choosing(_if_undone)
        async with app.opened(settings, keyring, replaced=surroundings.resources, actions=tried) as opened:
            store = RehearsalStore(engine)
            try:
                yield Judge(
                    Trial(
                        _redriver(app, settings, keyring, surroundings),
                        _intake(app, settings, keyring, surroundings),
                        Jobs(
                            opened.services,
                            largest_response=settings.largest_response,
                            clock=clock,
                            event_reader=EventReader(keyring, settings.retention),
                        ),
                        Inbox(store, Journal()),
                        store,
                        {action.full_name: action for action in opened.api},
                        app.policy(settings),
                    )
                )
            finally:
                store.close()


def _redriver(app: Application[Any], settings: Settings, keyring: Keyring, around: Surroundings) -> Redriver:
    return Redriver(app.topology(settings), keyring, app, retention=settings.retention, clock=around.clock.posix)


def _intake(app: Application[Any], settings: Settings, keyring: Keyring, around: Surroundings) -> Intake:
    """Make what reads requests; nobody calls an action here, so it warns of no deprecated one."""
    actions: Api[Any] = app.choosing(lambda action: replace(action, deprecated=False))
    return Intake(actions, keyring, replay_all=settings.replay_all, clock=around.clock.posix)


def _if_undone(action: Action) -> Action | None:
    return None if why_not_run(action) else action


@contextmanager
def _opened_engine(app: Application[Any], settings: Settings, around: Surroundings) -> Iterator[sa.Engine]:
    """Open the database as it is; unlike a worker it upgrades nothing."""
    if around.engine is not None:
        yield around.engine
        return
    needed = app.uses_database(settings)
    if needed and not schema.is_current(settings.database_url, app.schema, app.names):
        fact = f"{app.names.setting}: this database does not have this version's tables"
        raise SettingsError([f"{fact}, and here it is not changed: run `{app.names.upgrade}` first"])
    with open_engine(settings, needed=needed) as engine:
        yield engine
