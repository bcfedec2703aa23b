"""How one setting's text is read: each function returns the value or raises a ValueError that says what is expected."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import unquote

import sqlalchemy as sa

from leveret.auth.keys import secret_key
from leveret.broker.addresses import shown_address
from leveret.durations import format_duration, parse_duration
from leveret.process.urls import SIGNS, split_url
from leveret.sql.libpq import hosts_to_query, read_parameters
from leveret.worker.admit.rate_limit import RateLimit

T = TypeVar("T")

SHORTEST_SECRET: Final = 32
"""Bytes of a JWT secret (RFC 7518, section 3.2)."""

_PREFIX: Final = re.compile(r"(?!amq\.)[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SIZE: Final = re.compile(r"([0-9]{1,9}) *(KiB|MiB)")
_UNITS: Final = {"KiB": 1024, "MiB": 1024 * 1024}
_DRIVERS: Final = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg", "sqlite+pysqlite": "sqlite"}


def amqp_url(text: str) -> str:
    """Check the broker's address, or those of a cluster's nodes, as the driver will read them."""
    expected = "expected amqp://user:password@host:port/vhost or amqps://..."
    try:
        shown_address(text)
        hosts = [split_url(part, "amqp", "amqps").host for part in text.split(",")]
    except ValueError as error:
        raise ValueError(f"{expected}: {error}") from None
    if not all(hosts):
        raise ValueError(f"{expected}: it names no host")
    return text


def database_url(text: str) -> str:
    """Check an SQLAlchemy URL of SQLite or PostgreSQL; ``postgresql://`` is taken as psycopg."""
    try:
        text.encode()  # bytes of the environment that are not UTF-8 are no part of an address
        url = sa.make_url(hosts_to_query(text))
    except (sa.exc.ArgumentError, ValueError):
        expected = "expected sqlite:///file.db or postgresql+psycopg://user:password@host:port/name"
        raise ValueError(f"{expected}; {SIGNS}") from None
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise ValueError(f"{url.drivername} is not supported: use sqlite or postgresql+psycopg")
    if url.drivername == "sqlite" and (
        not url.database or ":memory:" in url.database or url.database.startswith("file:")
    ):
        raise ValueError("SQLite needs a file, such as sqlite:///taskmanager.db: a worker has several connections")
    if url.drivername == "sqlite" and url.query:
        raise ValueError("SQLite's URL takes no parameters behind a ?; a ? in the file's name is written %3F")
    of_login = int(url.username is not None)  # SQLAlchemy takes what is behind another @ for the host or the name
    if url.drivername != "sqlite" and text.count("@") > of_login:
        raise ValueError(f"an @ stands in the user name, the password or behind the host: write it %40; {SIGNS}")
    if url.drivername != "sqlite":
        read_parameters(url)
    return url.render_as_string(hide_password=False)


def shown_database(url: str) -> str:
    """Write a database's URL without what may be secret: user, password and options."""
    full = sa.make_url(url)
    servers = {name: value for name, value in full.query.items() if name in ("host", "port")}
    parts = sa.URL.create(full.drivername, host=full.host, port=full.port, database=full.database, query=servers)
    return unquote(parts.render_as_string()) if servers else parts.render_as_string()


def path(text: str) -> Path:
    """Read the path of a file; one in quotation marks is never what was meant."""
    if about_quotes(text):
        raise ValueError("expected the path of a file")
    return Path(text)


def about_quotes(text: str) -> str:
    """Say that a value stands in quotation marks, as files of settings write it and not every reader takes off."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`":
        return f". The value begins and ends with {text[0]}: leave the quotation marks out"
    return ""


def secret(text: str) -> bytes:
    """Check that a JWT secret is long enough and can sign."""
    if len(value := text.encode()) < SHORTEST_SECRET:
        raise ValueError(f"{len(value)} bytes are too short for a secret, at least {SHORTEST_SECRET} are needed")
    secret_key(value)
    return value


def retry_delays(text: str) -> tuple[timedelta, ...]:
    """Read the ladder of delays; each of them has a queue of its own."""
    delays = tuple(duration(timedelta(milliseconds=1), timedelta(days=1))(part) for part in text.split(","))
    if len(set(delays)) != len(delays):
        raise ValueError("a delay stands twice, but there is one queue for each delay")
    return delays


def duration(shortest: timedelta, longest: timedelta) -> Callable[[str], timedelta]:
    """Make a reader of durations within limits."""

    def read(text: str) -> timedelta:
        value = parse_duration(text)
        if not shortest <= value <= longest:
            limits = f"{format_duration(shortest)} to {format_duration(longest)}"
            raise ValueError(f"{text.strip()} is out of range, {limits} is possible")
        return value

    return read


def number(least: int, most: int) -> Callable[[str], int]:
    """Make a reader of whole numbers within limits."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
            raise ValueError(f"{text!r} is no whole number from {least} to {most}")
        return int(text)

    return read


def size(least: int, most: int) -> Callable[[str], int]:
    """Make a reader of bytes within limits, as whole ``KiB`` or ``MiB``."""

    def read(text: str) -> int:
        found = _SIZE.fullmatch(text)
        value = int(found[1]) * _UNITS[found[2]] if found else -1
        if not least <= value <= most:
            raise ValueError(f"{text!r} is not a size from {shown_size(least)} to {shown_size(most)}, such as 8MiB")
        return value

    return read


def shown_size(value: int) -> str:
    """Write whole KiB as settings have them."""
    unit = "KiB" if value % _UNITS["MiB"] else "MiB"
    return f"{value // _UNITS[unit]}{unit}"


def rate_limit(text: str) -> RateLimit:
    """Read a number of requests and the time in which they may come: ``600/1m``."""
    most, slash, window = text.partition("/")
    if not slash:
        raise ValueError(f"{text!r} is no rate limit: write requests and a duration, such as 600/1m")
    read_window = duration(timedelta(seconds=1), timedelta(days=1))
    return RateLimit(number(1, 999_999_999)(most.strip()), read_window(window))


def unless_off(read: Callable[[str], T]) -> Callable[[str], T | None]:
    """Make a reader that takes ``off`` as None beside what another one reads."""

    def read_or_off(text: str) -> T | None:
        if text.lower() == "off":
            return None
        try:
            return read(text)
        except ValueError as error:
            raise ValueError(f"{error}, or off") from None

    return read_or_off


def truth(text: str) -> bool:
    """Read yes or no."""
    known = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if text.lower() not in known:
        raise ValueError(f"{text!r} is neither true nor false")
    return known[text.lower()]


def one_of(*choices: str) -> Callable[[str], str]:
    """Make a reader of one of several words; case does not matter."""

    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"{text!r} is none of {', '.join(choices)}")
        return text.lower()

    return read


def queue_prefix(text: str) -> str:
    """Check the first part of names at the broker, which keeps ``amq.`` for itself (AMQP 0-9-1, section 3.1.3.1)."""
    if not _PREFIX.fullmatch(text):
        raise ValueError(
            f"{text!r} is no prefix: up to 64 letters, digits, '.', '_' and '-', and not beginning with amq."
        )
    return text
