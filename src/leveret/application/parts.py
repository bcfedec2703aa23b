"""The parts of an application that follow from its settings alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from leveret.auth.key_file import KeyFile
from leveret.auth.keyring import Keyring
from leveret.auth.keys import NO_KEYS, KeySet, KeySetError
from leveret.broker.users import BrokerUser, caller_permissions, worker_permissions
from leveret.errors import SettingsError
from leveret.retry import RetryPolicy
from leveret.settings import Settings
from leveret.settings.secret import local_secret
from leveret.settings.values import secret_needed
from leveret.topology import Topology


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
    setting = settings.variable("JWT_SECRET")
    if settings.secret_file is None:
        raise SettingsError([secret_needed(setting, "with PostgreSQL")])
    return local_secret(settings.secret_file, setting, make=make)


def build_keyring(
    settings: Settings,
    issuer: str,
    shown_command: Callable[[str], str],
    *,
    make_secret: bool = True,
    clock: Callable[[], float] = time.time,
) -> Keyring:
    """Make the keyring, with the secret that is set or the one that is kept beside the SQLite file.

    Args:
        settings: the settings.
        issuer: issuer and audience of the tokens.
        shown_command: returns what a person types to call its command with some words, for the errors' texts.
        make_secret: whether to make that file if there is none.
        clock: POSIX time in seconds.

    Raises:
        SettingsError: there is no usable secret, or the file with the keys cannot be used.
    """
    secret = find_secret(settings, make=make_secret)
    keys = _read_keys(settings, shown_command)
    return Keyring(secret, issuer=issuer, keys=keys, ticket_life=settings.retention, clock=clock)


def _read_keys(settings: Settings, shown_command: Callable[[str], str]) -> KeySet:
    try:
        return KeyFile(settings.jwt_keys).read() if settings.jwt_keys else NO_KEYS
    except KeySetError as error:
        missing = settings.jwt_keys is not None and not settings.jwt_keys.exists()
        hint = f". `{shown_command('keys add KID')}` makes it" if missing else ""
        raise SettingsError([f"{settings.variable('JWT_KEYS')}: {error}{hint}"]) from error


def following_keys(settings: Settings, keyring: Keyring) -> AbstractContextManager[None]:
    """Let a keyring use the keys of the file that the settings name, also when it changes, while the block runs."""
    return KeyFile(settings.jwt_keys).followed(keyring.use) if settings.jwt_keys else nullcontext()


def build_policy(settings: Settings) -> RetryPolicy:
    """Make the retry policy."""
    return RetryPolicy(settings.retry_delays, settings.max_retries)


def build_topology(settings: Settings) -> Topology:
    """Make the topology: the exchange, the queues and the binding at the broker."""
    return Topology(
        settings.queue_prefix,
        settings.retry_delays,
        settings.queue_limit,
        letters_size=settings.letters_size,
        letters_age=settings.letters_age,
    )


def build_broker_users(
    settings: Settings,
    topology: Topology,
    caller: str | None = None,
    worker: str | None = None,
    *,
    reply_queues: bool = False,
) -> tuple[BrokerUser, BrokerUser]:
    """Return the two users that the broker should have: one for callers and one for workers.

    Args:
        settings: prefix and passwords.
        topology: what they may use.
        caller: name of the callers' user; by default ``PREFIX-caller``.
        worker: name of the workers' user; by default ``PREFIX-worker``.
        reply_queues: whether callers may have reply queues too, not only direct reply-to.
    """
    prefix = settings.queue_prefix
    may_call = caller_permissions(topology, reply_queues=reply_queues)
    return (
        BrokerUser(caller or f"{prefix}-caller", may_call, settings.broker_caller_password),
        BrokerUser(worker or f"{prefix}-worker", worker_permissions(topology), settings.broker_worker_password),
    )
