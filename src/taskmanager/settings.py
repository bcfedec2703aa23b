"""Reads all settings from the environment, ``TASKMANAGER_*``, and reports all problems at once."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self, get_args

import sqlalchemy as sa

from leveret.api import RateLimit
from leveret.durations import format_duration
from leveret.errors import SettingsError
from leveret.sql.pooling import Pooler
from taskmanager import setting_values as values
from taskmanager.service_links import is_service_link

PREFIX: Final = "TASKMANAGER_"

TEST_PREFIX: Final = "TASKMANAGER_TEST_"
"""Prefix of variables that are not settings: the test suite starts workers in its own environment, which has them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """All settings. The repr shows nothing secret.

    Attributes:
        amqp_url: address of the broker.
        database_url: SQLAlchemy URL; ``sqlite`` or ``postgresql+psycopg``.
        database_pooler: the pooler between the workers and PostgreSQL, see ``leveret.sql.pooling``.
        jwt_secret: the secret that signs tokens, at least 32 bytes; None only with SQLite, where a file holds it.
        jwt_keys: file with the keys of tokens, read again when it changes; None if only the secret signs tokens.
        retry_delays: the ladder of pauses before retries.
        max_retries: number of retries after the first attempt.
        replay_all: whether responses of reads are stored and repeated too (``TASKMANAGER_REPLAY=all``).
        largest_response: bytes that a response may have (``TASKMANAGER_RESPONSE_LIMIT``).
        allow_simulated_errors: whether requests may ask for failures; for demonstrations only.
        token_lifetime: how long a login lasts.
        retention: how long responses are kept for requests that are sent again.
        queue_prefix: first part of all names at the broker.
        queue_limit: how many requests may wait at the broker; None for any number.
        prefetch: requests that one worker process holds at a time.
        processes: number of worker processes.
        rate_limit: how many requests one user may send, in all workers together; None for no limit.
        watchdog: how long a worker may be deaf or stuck before it ends itself; None if it never does.
        broker_admin_password: password of the broker's administrator; needed only while users are made.
        broker_caller_password: new password of the callers' user at the broker.
        broker_worker_password: new password of the workers' user at the broker.
        log_level: ``debug``, ``info``, ``warning`` or ``error``.
        log_format: ``text`` or ``json``.
    """

    amqp_url: str = field(default="amqp://guest:guest@127.0.0.1:5672/", repr=False)
    database_url: str = field(default="sqlite:///taskmanager.db", repr=False)
    database_pooler: Pooler = "auto"
    jwt_secret: bytes | None = field(default=None, repr=False)
    jwt_keys: Path | None = None
    retry_delays: tuple[timedelta, ...] = (timedelta(seconds=5),)
    max_retries: int = 3
    replay_all: bool = False
    largest_response: int = 8 * 1024 * 1024
    allow_simulated_errors: bool = False
    token_lifetime: timedelta = timedelta(hours=1)
    retention: timedelta = timedelta(days=7)
    queue_prefix: str = "api"
    queue_limit: int | None = 1_000_000
    prefetch: int = 200
    processes: int = 1
    rate_limit: RateLimit | None = None
    watchdog: timedelta | None = timedelta(minutes=2)
    broker_admin_password: str | None = field(default=None, repr=False)
    broker_caller_password: str | None = field(default=None, repr=False)
    broker_worker_password: str | None = field(default=None, repr=False)
    log_level: str = "info"
    log_format: str = "text"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read all settings.

        A variable with an empty text counts as not set. Variables that Kubernetes makes for its Services are ignored.

        Raises:
            SettingsError: names every problem, including unknown names that begin with ``TASKMANAGER_``.
        """
        texts = {name: text.strip() for name, text in environ.items() if _is_ours(name, text) and text.strip()}
        problems = [_unknown(name) for name in sorted(texts) if name not in _READERS]
        read: dict[str, Any] = {}
        for name, (attribute, reader) in _READERS.items():
            try:
                if name in texts:
                    read[attribute] = reader(texts[name])
            except ValueError as error:
                problems.append(f"{name}: {error}{values.about_quotes(texts[name])}")
        settings = cls(**read)
        problems += settings._contradictions(secret_given="TASKMANAGER_JWT_SECRET" in texts)
        if problems:
            raise SettingsError(problems)
        return settings

    @property
    def sqlite_file(self) -> Path | None:
        """Path of the SQLite file; None with PostgreSQL."""
        url = sa.make_url(self.database_url)
        return Path(url.database or "") if url.get_backend_name() == "sqlite" else None

    @property
    def secret_file(self) -> Path | None:
        """Path of the file beside the SQLite file that holds the secret if none is set; None with PostgreSQL."""
        return file.with_name("taskmanager.secret") if (file := self.sqlite_file) else None

    def _contradictions(self, *, secret_given: bool) -> list[str]:
        problems = []
        if not secret_given and self.sqlite_file is None:
            problems.append(
                f"{PREFIX}JWT_SECRET: needed with PostgreSQL, because all workers must share it: "
                f"set at least {values.SHORTEST_SECRET} random bytes, such as `openssl rand -hex 32` prints"
            )
        waits = [self.retry_delays[min(done, len(self.retry_delays) - 1)] for done in range(self.max_retries)]
        if (longest := sum(waits, timedelta())) >= self.retention:
            problems.append(
                f"{PREFIX}RETENTION: {format_duration(self.retention)} must be longer than all retries take together, "
                f"{format_duration(longest)}"
            )
        return problems


def environment() -> Mapping[str, str]:
    """Return the process's environment; nothing else in the application reads it."""
    return os.environ


_READERS: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "TASKMANAGER_AMQP_URL": ("amqp_url", values.amqp_url),
    "TASKMANAGER_DATABASE_URL": ("database_url", values.database_url),
    "TASKMANAGER_DATABASE_POOLER": ("database_pooler", values.one_of(*get_args(Pooler))),
    "TASKMANAGER_JWT_SECRET": ("jwt_secret", values.secret),
    "TASKMANAGER_JWT_KEYS": ("jwt_keys", values.path),
    "TASKMANAGER_RETRY_DELAY": ("retry_delays", values.retry_delays),
    "TASKMANAGER_MAX_RETRIES": ("max_retries", values.number(0, 100)),
    "TASKMANAGER_REPLAY": ("replay_all", lambda text: values.one_of("writes", "all")(text) == "all"),
    "TASKMANAGER_RESPONSE_LIMIT": ("largest_response", values.size(1024, 512 * 1024 * 1024)),
    "TASKMANAGER_ALLOW_SIMULATED_ERRORS": ("allow_simulated_errors", values.truth),
    "TASKMANAGER_TOKEN_LIFETIME": ("token_lifetime", values.duration(timedelta(seconds=1), timedelta(days=31))),
    "TASKMANAGER_RETENTION": ("retention", values.duration(timedelta(minutes=1), timedelta(days=3650))),
    "TASKMANAGER_QUEUE_PREFIX": ("queue_prefix", values.queue_prefix),
    "TASKMANAGER_QUEUE_LIMIT": ("queue_limit", values.unless_off(values.number(1, 999_999_999))),
    "TASKMANAGER_PREFETCH": ("prefetch", values.number(1, 2000)),
    "TASKMANAGER_PROCESSES": ("processes", values.number(1, 64)),
    "TASKMANAGER_RATE_LIMIT": ("rate_limit", values.unless_off(values.rate_limit)),
    "TASKMANAGER_WATCHDOG": (
        "watchdog",
        values.unless_off(values.duration(timedelta(seconds=1), timedelta(days=1))),
    ),
    "TASKMANAGER_BROKER_ADMIN_PASSWORD": ("broker_admin_password", str),
    "TASKMANAGER_BROKER_CALLER_PASSWORD": ("broker_caller_password", str),
    "TASKMANAGER_BROKER_WORKER_PASSWORD": ("broker_worker_password", str),
    "TASKMANAGER_LOG_LEVEL": ("log_level", values.one_of("debug", "info", "warning", "error")),
    "TASKMANAGER_LOG_FORMAT": ("log_format", values.one_of("text", "json")),
}
"""For each environment variable, the attribute that it sets and the function that reads its text."""


def _is_ours(name: str, text: str) -> bool:
    return name.startswith(PREFIX) and not name.startswith(TEST_PREFIX) and not is_service_link(name, text)


def _unknown(name: str) -> str:
    known = [setting.removeprefix(PREFIX) for setting in _READERS]  # with the prefix, all names would be similar
    similar = difflib.get_close_matches(name.removeprefix(PREFIX), known, n=1)
    return f"{name}: no such setting" + (f", did you mean {PREFIX}{similar[0]}?" if similar else "")
