"""Builds every part of the application from the settings; the only place that knows all parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

import sqlalchemy as sa

from leveret.api import Api
from leveret.auth.key_file import KeyFile
from leveret.auth.keyring import Keyring
from leveret.auth.keys import NO_KEYS, KeySet, KeySetError
from leveret.broker.granting import BrokerUser
from leveret.broker.users import caller_permissions, worker_permissions
from leveret.errors import SettingsError
from leveret.letters.redrive import Redriver
from leveret.observe import Observer
from leveret.retry import RetryPolicy
from leveret.settings.secret import local_secret
from leveret.sql import Store, create_engine
from leveret.sql.schema import prepare
from leveret.topology import Topology
from leveret.worker import Worker, WorkerOptions
from taskmanager import usecases
from taskmanager.actions import Services, api
from taskmanager.passwords import Passwords
from taskmanager.settings import Settings
from taskmanager.storage.schema import NAMES, SCHEMA

ISSUER = "taskmanager"
"""Issuer and audience of our tokens."""

LANES: Final = {"sqlite": 1, "postgresql": 4}
"""Transactions at a time in one worker process. SQLite has one writer: a second lane would only wait for the first."""


def find_secret(settings: Settings, *, make: bool = True) -> bytes:
    """Return the secret that is set, or the one that is kept beside the SQLite file.

    Args:
        settings: the settings.
        make: whether to make that file if there is none. A command that needs the workers' own secret does not make it.

    Raises:
        SettingsError: there is no usable secret.
    """
    if settings.jwt_secret is not None:
        return settings.jwt_secret
    if settings.secret_file is None:
        raise SettingsError(["TASKMANAGER_JWT_SECRET: needed with PostgreSQL, because all workers must share it"])
    return local_secret(settings.secret_file, settings.variable("JWT_SECRET"), make=make)


def build_keyring(settings: Settings, *, make_secret: bool = True) -> Keyring:
    """Make the keyring, with the secret that is set or the one that is kept beside the SQLite file.

    Args:
        settings: the settings.
        make_secret: whether to make that file if there is none.

    Raises:
        SettingsError: there is no usable secret, or the file with the keys cannot be used.
    """
    secret = find_secret(settings, make=make_secret)
    return Keyring(secret, issuer=ISSUER, keys=_read_keys(settings), ticket_life=settings.retention)


def _read_keys(settings: Settings) -> KeySet:
    try:
        return KeyFile(settings.jwt_keys).read() if settings.jwt_keys else NO_KEYS
    except KeySetError as error:
        hint = "" if settings.jwt_keys and settings.jwt_keys.exists() else ". `taskmanager keys add KID` makes it"
        raise SettingsError([f"TASKMANAGER_JWT_KEYS: {error}{hint}"]) from error


def _following_keys(settings: Settings, keyring: Keyring) -> AbstractContextManager[None]:
    return KeyFile(settings.jwt_keys).followed(keyring.use) if settings.jwt_keys else nullcontext()


def build_services(settings: Settings) -> Services:
    """Make the services that the actions use; the caller closes ``passwords`` at the end.

    Raises:
        SettingsError: there is no usable secret.
    """
    keyring = build_keyring(settings)
    return Services(Passwords(), keyring, settings.token_lifetime, settings.allow_simulated_errors)


def build_policy(settings: Settings) -> RetryPolicy:
    """Make the retry policy."""
    return RetryPolicy(settings.retry_delays, settings.max_retries)


def build_topology(settings: Settings) -> Topology:
    """Make the topology: the exchange, the queues and the binding at the broker."""
    return Topology(settings.queue_prefix, settings.retry_delays, settings.queue_limit)


def build_broker_users(
    settings: Settings, caller: str | None = None, worker: str | None = None, *, reply_queues: bool = False
) -> tuple[BrokerUser, BrokerUser]:
    """Return the two users that the broker should have: one for callers and one for workers.

    Args:
        settings: prefix and passwords.
        caller: name of the callers' user; by default ``PREFIX-caller``.
        worker: name of the workers' user; by default ``PREFIX-worker``.
        reply_queues: whether callers may have reply queues too, not only direct reply-to.
    """
    topology, prefix = build_topology(settings), settings.queue_prefix
    may_call = caller_permissions(topology, reply_queues=reply_queues)
    return (
        BrokerUser(caller or f"{prefix}-caller", may_call, settings.broker_caller_password),
        BrokerUser(worker or f"{prefix}-worker", worker_permissions(topology), settings.broker_worker_password),
    )


def build_redriver(settings: Settings) -> Redriver:
    """Make the redriver, which sends dead letters again.

    Raises:
        SettingsError: there is no usable secret. None is made, because only the workers' own secret opens letters.
    """
    keyring = build_keyring(settings, make_secret=False)
    return Redriver(build_topology(settings), keyring, api, retention=settings.retention)


def build_engine(settings: Settings) -> sa.Engine:
    """Make the database engine; it does not connect yet."""
    return create_engine(settings.database_url, pooler=settings.database_pooler, file="use")


def prepare_database(settings: Settings, *, migrate: bool = False) -> None:
    """Bring the database to this version's tables: SQLite always, PostgreSQL only with ``migrate``.

    Raises:
        SettingsError: a PostgreSQL database is not current, and ``migrate`` is false.
        StorageUnavailable: the database does not answer.
    """
    prepare(settings.database_url, SCHEMA, NAMES, migrate=migrate)


@contextmanager
def build_worker(
    settings: Settings, name: str, *, actions: Api[Services] = api, observers: Sequence[Observer] = ()
) -> Iterator[Worker[Services]]:
    """Make a worker with everything that it needs, and release that when the block ends.

    Args:
        settings: the settings; the database has to be prepared already.
        name: name of the worker in the broker's list of connections.
        actions: what it runs.
        observers: told of each point of a request's life, see ``leveret.observe``.

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
                actions,
                settings.amqp_url,
                [Store(engine) for _ in range(LANES[engine.dialect.name])],
                services.keyring,
                services,
                topology=build_topology(settings),
                policy=build_policy(settings),
                options=options,
                forgetting=[usecases.forget_failed_logins],
                observers=observers,
            )
    finally:
        services.passwords.close()
        engine.dispose()
