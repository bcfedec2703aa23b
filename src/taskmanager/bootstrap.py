"""The only place where the parts of the application meet: each is built from the settings here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

import sqlalchemy as sa

from leveret.auth.key_file import KeyFile
from leveret.auth.keyring import Keyring
from leveret.auth.keys import NO_KEYS, KeySet, KeySetError
from leveret.broker.granting import BrokerUser
from leveret.broker.users import caller_permissions, worker_permissions
from leveret.letters.redrive import Redriver
from leveret.retry import RetryPolicy
from leveret.sql import Store, create_engine
from leveret.topology import Topology
from leveret.worker import Worker, WorkerOptions
from taskmanager import usecases
from taskmanager.actions import Services, api
from taskmanager.passwords import Passwords
from taskmanager.secret import local_secret
from taskmanager.settings import Settings, SettingsError
from taskmanager.storage import migration

ISSUER = "taskmanager"
"""Who issues our tokens, and for whom."""

LANES: Final = {"sqlite": 1, "postgresql": 4}
"""Transactions at a time in one worker process: SQLite has one writer, a second lane would only wait for the first."""

_NOT_CURRENT = (
    "TASKMANAGER_DATABASE_URL: this database does not have this version's tables: "
    "run `taskmanager db upgrade`, or start the worker with --migrate"
)


def find_secret(settings: Settings, *, make: bool = True) -> bytes:
    """Give the secret that is set, or the one that is kept beside the SQLite file.

    Args:
        settings: the settings.
        make: make that file if there is none; not for what is of use only with the workers' own secret.

    Raises:
        SettingsError: there is no usable secret.
    """
    if settings.jwt_secret is not None:
        return settings.jwt_secret
    if settings.secret_file is None:
        raise SettingsError(["TASKMANAGER_JWT_SECRET: needed with PostgreSQL, because all workers must share it"])
    return local_secret(settings.secret_file, make=make)


def build_keyring(settings: Settings, *, make_secret: bool = True) -> Keyring:
    """Make the keyring, with the secret that is set or the one that is kept beside the SQLite file.

    Args:
        settings: the settings.
        make_secret: make that file if there is none.

    Raises:
        SettingsError: there is no usable secret, or the file with the keys cannot be used.
    """
    secret = find_secret(settings, make=make_secret)
    return Keyring(secret, issuer=ISSUER, keys=_read_keys(settings), ticket_life=settings.retention)


def _read_keys(settings: Settings) -> KeySet:
    try:
        return KeyFile(settings.jwt_keys).read() if settings.jwt_keys else NO_KEYS
    except KeySetError as error:
        raise SettingsError([f"TASKMANAGER_JWT_KEYS: {error}"]) from error


def _following_keys(settings: Settings, keyring: Keyring) -> AbstractContextManager[None]:
    return KeyFile(settings.jwt_keys).followed(keyring.use) if settings.jwt_keys else nullcontext()


def build_services(settings: Settings) -> Services:
    """Make what the actions have at hand; close ``passwords`` at the end.

    Raises:
        SettingsError: there is no usable secret.
    """
    keyring = build_keyring(settings)
    return Services(Passwords(), keyring, settings.token_lifetime, settings.allow_simulated_errors)


def build_policy(settings: Settings) -> RetryPolicy:
    """Make the retry policy."""
    return RetryPolicy(settings.retry_delays, settings.max_retries)


def build_topology(settings: Settings) -> Topology:
    """Make the names of everything at the broker."""
    return Topology(settings.queue_prefix, settings.retry_delays, settings.queue_limit)


def build_broker_users(
    settings: Settings, caller: str | None = None, worker: str | None = None, *, reply_queues: bool = False
) -> tuple[BrokerUser, BrokerUser]:
    """Make what the callers' and the workers' users at the broker shall be.

    Args:
        settings: prefix and passwords.
        caller: its name, otherwise made from the prefix.
        worker: its name, otherwise made from the prefix.
        reply_queues: callers may have reply queues too, not only direct reply-to.
    """
    topology, prefix = build_topology(settings), settings.queue_prefix
    may_call = caller_permissions(topology, reply_queues=reply_queues)
    return (
        BrokerUser(caller or f"{prefix}-caller", may_call, settings.broker_caller_password),
        BrokerUser(worker or f"{prefix}-worker", worker_permissions(topology), settings.broker_worker_password),
    )


def build_redriver(settings: Settings) -> Redriver:
    """Make what sends dead letters again.

    Raises:
        SettingsError: there is no usable secret; none is made, because only the workers' own one opens letters.
    """
    keyring = build_keyring(settings, make_secret=False)
    return Redriver(build_topology(settings), keyring, api, retention=settings.retention)


def build_engine(settings: Settings) -> sa.Engine:
    """Make the database engine; nothing is connected yet."""
    return create_engine(settings.database_url, pooler=settings.database_pooler, file="use")


def prepare_database(settings: Settings, *, migrate: bool = False) -> None:
    """Bring the database to this version's tables: SQLite always, PostgreSQL only when told to.

    Raises:
        SettingsError: a PostgreSQL database is not current and nobody said that it may be changed.
        StorageUnavailable: the database does not answer.
    """
    if settings.sqlite_file or migrate:
        migration.upgrade(settings.database_url)
    elif not migration.is_current(settings.database_url):
        raise SettingsError([_NOT_CURRENT])


@contextmanager
def build_worker(settings: Settings, name: str) -> Iterator[Worker[Services]]:
    """Make a worker with all that it needs, and clear that up when it has run.

    Args:
        settings: the settings; the database is prepared already.
        name: for the broker's list of connections.

    Raises:
        SettingsError: there is no usable secret.
    """
    engine = build_engine(settings)
    services = build_services(settings)
    options = WorkerOptions(
        name=name,
        prefetch=settings.prefetch,
        replay_all=settings.replay_all,
        largest_response=settings.largest_response,
        retention=settings.retention,
        rate_limit=settings.rate_limit,
        watchdog=settings.watchdog,
    )
    try:
        with _following_keys(settings, services.keyring):
            yield Worker(
                api,
                settings.amqp_url,
                [Store(engine) for _ in range(LANES[engine.dialect.name])],
                services.keyring,
                services,
                topology=build_topology(settings),
                policy=build_policy(settings),
                options=options,
                forgetting=[usecases.forget_failed_logins],
            )
    finally:
        services.passwords.close()
        engine.dispose()
