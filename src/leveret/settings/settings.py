"""The settings of an application: one frozen record, read from the environment; all problems are reported at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self, TypeVar, get_args

import sqlalchemy as sa

from leveret.api import RateLimit
from leveret.errors import SettingsError
from leveret.process.durations import format_duration
from leveret.retry import RetryPolicy
from leveret.settings import values
from leveret.settings.service_links import is_service_link
from leveret.sql.pooling import Pooler

T = TypeVar("T")

_SETTING: Final = "leveret setting"
"""Key of what a field's metadata says about the setting that it holds: the name and the reader."""

_OTHERS: Final = re.compile(r"[A-Z][A-Z0-9_]*_")
"""What a name has between our prefix and a setting's name if its application's prefix begins with ours."""


def setting(name: str, read: Callable[[str], object], default: T, *, secret: bool = False) -> T:
    """Make a field of a settings record that an environment variable can set.

    Args:
        name: the variable's name behind the application's prefix: ``PREFETCH``.
        read: returns the value of a text, or raises a ValueError that says what is expected; see
            ``leveret.settings.values``.
        default: the value if the variable is not set.
        secret: whether the record's repr and the texts of errors leave the value out.
    """
    reader = values.without_value(read) if secret else read
    return field(default=default, repr=not secret, metadata={_SETTING: (name, reader)})


def check_names(kind: type[Settings]) -> None:
    """Check that each setting of a class of settings has a name of its own.

    Raises:
        ValueError: two fields are set by one variable, so that one of them would never be read.
    """
    known: dict[str, str] = {}
    for each in fields(kind):
        name = each.metadata[_SETTING][0] if _SETTING in each.metadata else None
        if name in known:
            raise ValueError(f"the fields {known[name]} and {each.name} of {kind.__name__} both are the setting {name}")
        if name is not None:
            known[name] = each.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The settings that every application has. The repr shows nothing secret.

    An application adds its own in a subclass, which is such a dataclass too: a field for each, made with ``setting``.

    Attributes:
        name: the application's name, which files and users are named after. It is not a setting.
        prefix: what the names of all settings begin with, such as ``GUESTBOOK_``. It is not a setting.
        given: the attributes that an environment has set, also to what they were before. It is not a setting.
        amqp_url: address of the broker.
        database_url: SQLAlchemy URL; ``sqlite`` or ``postgresql+psycopg``.
        database_pooler: the pooler between the workers and PostgreSQL, see ``leveret.sql.pooling``.
        jwt_secret: the secret that signs tokens, at least 32 bytes; None only with SQLite, where a file holds it.
        jwt_keys: file with the keys of tokens, read again when it changes; None if only the secret signs tokens.
        retry_delays: the ladder of pauses before retries.
        max_retries: number of retries after the first attempt.
        replay_all: whether responses of reads are stored and repeated too (``REPLAY=all``).
        largest_response: bytes that a response may have (``RESPONSE_LIMIT``).
        retention: how long responses are kept for requests that are sent again.
        queue_prefix: first part of all names at the broker.
        queue_limit: how many requests may wait at the broker; None for any number.
        letters_size: bytes of the stream with copies of dead letters (``LETTERS_STREAM``); None for no streams.
        letters_age: how long copies of dead letters are kept there at most.
        archive_age: how long discarded letters can be brought back (``ARCHIVE_AGE``).
        prefetch: requests that one worker process holds at a time.
        processes: number of worker processes.
        rate_limit: how many requests one user may send, in all workers together; None for no limit.
        watchdog: how long a worker may be deaf or stuck before it ends itself; None if it never does.
        status_reports: whether workers publish what they do, for those who watch the system.
        broker_admin_password: password of the broker's administrator; needed only while users are made.
        broker_caller_password: new password of the callers' user at the broker.
        broker_worker_password: new password of the workers' user at the broker.
        environment: what the console's banner says, such as ``production``; None for no banner.
        console_database_url: SQLAlchemy URL of the console's accounts and sessions; None for an SQLite file.
        metrics_port: port of the pages with metrics and health; 0 for any that is free, None for no pages.
        metrics_address: the address on which they are served.
        operations_database_url: SQLAlchemy URL of what operators did; None for the application's database, or for an
            SQLite file if the application uses none.
        recorder: whether each worker records its last requests in a file, see ``leveret.observe.recorder``.
        tracing: whether workers send spans of their requests to a collector (``TRACING``).
        log_level: ``debug``, ``info``, ``warning`` or ``error``.
        log_format: ``text`` or ``json``.
    """

    name: str = "leveret"
    prefix: str = "LEVERET_"
    given: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    amqp_url: str = setting("AMQP_URL", values.amqp_url, "amqp://guest:guest@127.0.0.1:5672/", secret=True)
    database_url: str = setting("DATABASE_URL", values.database_url, "sqlite:///leveret.db", secret=True)
    database_pooler: Pooler = setting("DATABASE_POOLER", values.one_of(*get_args(Pooler)), "auto")
    jwt_secret: bytes | None = setting("JWT_SECRET", values.secret, None, secret=True)
    jwt_keys: Path | None = setting("JWT_KEYS", values.path, None)
    retry_delays: tuple[timedelta, ...] = setting("RETRY_DELAY", values.retry_delays, (timedelta(seconds=5),))
    max_retries: int = setting("MAX_RETRIES", values.number(0, 100), 3)
    replay_all: bool = setting("REPLAY", values.is_word("all", "writes"), False)  # noqa: FBT003 - it is the default
    largest_response: int = setting("RESPONSE_LIMIT", values.size(1024, 512 * 1024 * 1024), 8 * 1024 * 1024)
    retention: timedelta = setting(
        "RETENTION", values.duration(timedelta(minutes=1), timedelta(days=3650)), timedelta(days=7)
    )
    queue_prefix: str = setting("QUEUE_PREFIX", values.queue_prefix, "leveret")
    queue_limit: int | None = setting("QUEUE_LIMIT", values.unless_off(values.number(1, 999_999_999)), 1_000_000)
    letters_size: int | None = setting(
        "LETTERS_STREAM", values.unless_off(values.size(16 * 1024 * 1024, 1024 * 1024 * 1024 * 1024)), 1024**3
    )
    letters_age: timedelta = setting(
        "LETTERS_AGE", values.duration(timedelta(minutes=1), timedelta(days=3650)), timedelta(days=30)
    )
    archive_age: timedelta = setting(
        "ARCHIVE_AGE", values.duration(timedelta(minutes=1), timedelta(days=3650)), timedelta(days=30)
    )
    prefetch: int = setting("PREFETCH", values.number(1, 2000), 200)
    processes: int = setting("PROCESSES", values.number(1, 64), 1)
    rate_limit: RateLimit | None = setting("RATE_LIMIT", values.unless_off(values.rate_limit), None)
    watchdog: timedelta | None = setting(
        "WATCHDOG",
        values.unless_off(values.duration(timedelta(seconds=1), timedelta(days=1))),
        timedelta(minutes=2),
    )
    status_reports: bool = setting("STATUS_REPORTS", values.is_word("on", "off"), False)  # noqa: FBT003 - it is the default
    broker_admin_password: str | None = setting("BROKER_ADMIN_PASSWORD", str, None, secret=True)
    broker_caller_password: str | None = setting("BROKER_CALLER_PASSWORD", str, None, secret=True)
    broker_worker_password: str | None = setting("BROKER_WORKER_PASSWORD", str, None, secret=True)
    environment: str | None = setting("ENVIRONMENT", values.short_text(40), None)
    console_database_url: str | None = setting("CONSOLE_DATABASE_URL", values.database_url, None, secret=True)
    metrics_port: int | None = setting("METRICS_PORT", values.unless_off(values.number(0, 65535)), None)
    metrics_address: str = setting("METRICS_ADDRESS", values.ip_address, "127.0.0.1")
    operations_database_url: str | None = setting("OPERATIONS_DATABASE_URL", values.database_url, None, secret=True)
    recorder: bool = setting("RECORDER", values.is_word("on", "off"), False)  # noqa: FBT003 - it is the default
    tracing: bool = setting("TRACING", values.is_word("on", "off"), False)  # noqa: FBT003 - it is the default
    log_level: str = setting("LOG_LEVEL", values.one_of("debug", "info", "warning", "error"), "info")
    log_format: str = setting("LOG_FORMAT", values.one_of("text", "json"), "text")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read all settings; what is not set has the record's default.

        Raises:
            SettingsError: names every problem, see ``updated``.
        """
        return cls().updated(environ)

    def updated(self, environ: Mapping[str, str], *, needs_secret: bool = True) -> Self:
        """Return a record in which the variables of an environment replace values of this one.

        A variable with an empty text counts as not set. Of those that are not settings, some are ignored: variables
        that Kubernetes makes for its Services; names that go on with ``TEST_``, because a test suite starts workers in
        its own environment, which has them; and names that end with a setting of every application, such as
        ``SHOP_EU_AMQP_URL``, which belongs to an application whose prefix is ``SHOP_EU_``.

        Args:
            environ: the environment.
            needs_secret: whether it is a problem that there is PostgreSQL and no secret. Commands that neither check
                nor make tokens do not need one.

        Raises:
            SettingsError: names every problem, including unknown names that begin with the prefix.
        """
        known = self.variables()
        found = {name: text.strip() for name, text in environ.items() if name.startswith(self.prefix) and text.strip()}
        texts = {name: text for name, text in found.items() if name in known or not self._is_of_others(name, text)}
        problems = [self._unknown(name) for name in sorted(texts) if name not in known]
        read: dict[str, Any] = {}
        for name, (attribute, reader) in known.items():
            try:
                if name in texts:
                    read[attribute] = reader(texts[name])
            except ValueError as error:
                problems.append(f"{name}: {error}{values.about_quotes(texts[name])}")
        settings = replace(self, given=self.given | read.keys(), **read)
        problems += settings._contradictions(has_secret=not needs_secret or self.variable("JWT_SECRET") in texts)
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
        return file.with_name(f"{self.name}.secret") if (file := self.sqlite_file) else None

    def variable(self, name: str) -> str:
        """Return the full name of a setting: ``variable("JWT_SECRET")`` is ``GUESTBOOK_JWT_SECRET``."""
        return f"{self.prefix}{name}"

    def variables(self) -> Mapping[str, tuple[str, Callable[[str], Any]]]:
        """Return all settings: for each variable's name the attribute that it sets, and the function that reads it."""
        found = ((each.name, *each.metadata[_SETTING]) for each in fields(self) if _SETTING in each.metadata)
        return {self.variable(name): (attribute, reader) for attribute, name, reader in found}

    def _is_of_others(self, name: str, text: str) -> bool:
        """Return whether a name with our prefix that is not a setting is there for somebody else."""
        rest = name.removeprefix(self.prefix)
        return rest.startswith("TEST_") or is_service_link(name, text) or _follows_another_prefix(rest, _EVERYWHERE)

    def _unknown(self, name: str) -> str:
        import difflib  # noqa: PLC0415 - seldom needed

        known = [setting.removeprefix(self.prefix) for setting in self.variables()]  # with it, all would be similar
        rest = name.removeprefix(self.prefix)
        if _follows_another_prefix(rest, known):
            return f"{name}: no such setting; if it is another application's, give one of the two another prefix"
        similar = difflib.get_close_matches(rest, known, n=1)
        return f"{name}: no such setting" + (f", did you mean {self.variable(similar[0])}?" if similar else "")

    def _contradictions(self, *, has_secret: bool) -> list[str]:
        problems = []
        if not (has_secret or self.jwt_secret) and self.sqlite_file is None:
            problems.append(values.secret_needed(self.variable("JWT_SECRET"), "with PostgreSQL"))
        if (longest := RetryPolicy(self.retry_delays, self.max_retries).longest) >= self.retention:
            problems.append(
                f"{self.variable('RETENTION')}: {format_duration(self.retention)} must be longer than all retries take "
                f"together, {format_duration(longest)}"
            )
        return problems


def _follows_another_prefix(text: str, settings: Iterable[str]) -> bool:
    """Return whether a text is something like ``EU_``, followed by the name of one of the settings."""
    return any(text.endswith(name) and _OTHERS.fullmatch(text.removesuffix(name)) for name in settings)


_EVERYWHERE: Final = tuple(each.metadata[_SETTING][0] for each in fields(Settings) if _SETTING in each.metadata)
"""The settings of every application, without a prefix."""
