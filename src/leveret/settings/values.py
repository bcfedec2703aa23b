"""Readers of settings: each function returns the value of a text, or raises a ValueError that says what is expected."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import unquote

import sqlalchemy as sa

from leveret.api import RateLimit
from leveret.auth.keys import secret_key
from leveret.broker.addresses import shown_address
from leveret.process.durations import format_duration, parse_duration
from leveret.process.urls import SIGNS, split_url
from leveret.sql.libpq import hosts_to_query, read_parameters
from leveret.wire.words import counted

T = TypeVar("T")

SHORTEST_SECRET: Final = 32
"""Bytes that a JWT secret has at least (RFC 7518, section 3.2)."""

_PREFIX: Final = re.compile(r"(?!amq\.)[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_UNSHOWN: Final = "the value cannot be used; it is secret, so it is not shown"
_SIZE: Final = re.compile(r"([0-9]{1,9}) *(KiB|MiB)")
_UNITS: Final = {"KiB": 1024, "MiB": 1024 * 1024}
_DRIVERS: Final = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg", "sqlite+pysqlite": "sqlite"}


def amqp_url(text: str) -> str:
    """Check the address of a broker, or the addresses of a cluster's nodes, as the driver will read them."""
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
    """Check an SQLAlchemy URL of SQLite or PostgreSQL, and return it; ``postgresql://`` means psycopg."""
    try:
        text.encode()  # an address cannot hold bytes of the environment that are not UTF-8
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
        raise ValueError("SQLite needs a file, such as sqlite:///file.db: a worker has several connections")
    if url.drivername == "sqlite" and url.query:
        raise ValueError("an SQLite URL cannot have parameters after a ?; write a ? in the file's name as %3F")
    of_login = int(url.username is not None)  # SQLAlchemy takes what follows another @ for the host or the name
    if url.drivername != "sqlite" and text.count("@") > of_login:
        raise ValueError(f"there is an @ in the user name, in the password or after the host: write it %40; {SIGNS}")
    if url.drivername != "sqlite":
        read_parameters(url)
    return url.render_as_string(hide_password=False)


def shown_database(url: str) -> str:
    """Return a database's URL without what may be secret: user, password and options."""
    full = sa.make_url(url)
    servers = {name: value for name, value in full.query.items() if name in ("host", "port")}
    parts = sa.URL.create(full.drivername, host=full.host, port=full.port, database=full.database, query=servers)
    return unquote(parts.render_as_string()) if servers else parts.render_as_string()


def path(text: str) -> Path:
    """Read the path of a file; refuse one in quotation marks, which is always a mistake."""
    if about_quotes(text):
        raise ValueError("expected the path of a file")
    return Path(text)


def about_quotes(text: str) -> str:
    """Return a hint for a value in quotation marks, or nothing.

    Files with settings have such marks, and not every program that reads these files removes them.
    """
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`":
        return f". The value begins and ends with {text[0]}: leave the quotation marks out"
    return ""


def secret(text: str) -> bytes:
    """Check that a JWT secret is long enough and can sign."""
    if len(value := text.encode()) < SHORTEST_SECRET:
        size = counted(len(value), "byte")
        raise ValueError(f"a secret of {size} is too short, at least {SHORTEST_SECRET} are needed")
    secret_key(value)
    return value


def secret_needed(setting: str, where: str) -> str:
    """Return the problem that a setting with the workers' secret is not set."""
    return (
        f"{setting}: needed {where}, because all workers must share it: "
        f"set at least {SHORTEST_SECRET} random bytes, such as `openssl rand -hex 32` prints"
    )


def without_value(read: Callable[[str], T]) -> Callable[[str], T]:
    """Make a reader of secret texts: its errors do not repeat the text, nor parts of it.

    The readers of addresses and of the JWT secret are returned as they are, because their errors repeat nothing.
    """
    if read in (amqp_url, database_url, secret):
        return read

    def read_secret(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            words = str(error).replace(repr(text), "the value").replace(text, "the value")
        raise ValueError(_UNSHOWN if _shares(words, text) else words)

    return read_secret


def _shares(words: str, text: str) -> bool:
    """Return whether words hold a part of a text, of four characters or as long as it is."""
    size = min(len(text), 4)
    return any(text[start : start + size] in words for start in range(len(text) - size + 1))


def retry_delays(text: str) -> tuple[timedelta, ...]:
    """Read the ladder of retry delays; each delay has a queue of its own."""
    delays = tuple(duration(timedelta(milliseconds=1), timedelta(days=1))(part) for part in text.split(","))
    if len(set(delays)) != len(delays):
        raise ValueError("a delay is given twice, but each delay has one queue")
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
            raise ValueError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


def ip_address(text: str) -> str:
    """Check an address of a network interface of this machine: a number of IPv4 or IPv6, no name."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"{text!r} is not an address such as 127.0.0.1, 0.0.0.0 or ::1") from None


def size(least: int, most: int) -> Callable[[str], int]:
    """Make a reader of sizes within limits, given in whole ``KiB`` or ``MiB``; the value is in bytes."""

    def read(text: str) -> int:
        found = _SIZE.fullmatch(text)
        value = int(found[1]) * _UNITS[found[2]] if found else -1
        if not least <= value <= most:
            raise ValueError(f"{text!r} is not a size from {shown_size(least)} to {shown_size(most)}, such as 8MiB")
        return value

    return read


def shown_size(value: int) -> str:
    """Return a number of bytes as settings write it; it has to be a whole number of KiB."""
    unit = "KiB" if value % _UNITS["MiB"] else "MiB"
    return f"{value // _UNITS[unit]}{unit}"


def rate_limit(text: str) -> RateLimit:
    """Read a number of requests and the time in which they may come, such as ``600/1m``."""
    most, slash, window = text.partition("/")
    if not slash:
        raise ValueError(f"{text!r} is not a rate limit: write a number of requests and a duration, such as 600/1m")
    read_window = duration(timedelta(seconds=1), timedelta(days=1))
    return RateLimit(number(1, 999_999_999)(most.strip()), read_window(window))


def unless_off(read: Callable[[str], T]) -> Callable[[str], T | None]:
    """Make a reader that returns None for ``off``, and otherwise what another reader returns."""

    def read_or_off(text: str) -> T | None:
        if text.lower() == "off":
            return None
        try:
            return read(text)
        except ValueError as error:
            raise ValueError(f"{error}, or off") from None

    return read_or_off


def short_text(most: int) -> Callable[[str], str]:
    """Return a reader of a text for people, of up to ``most`` printable characters."""

    def read(text: str) -> str:
        if len(text) > most or not text.isprintable():
            raise ValueError(f"expected up to {most} printable characters")
        return text

    return read


def truth(text: str) -> bool:
    """Read a yes or a no, written in one of the usual ways."""
    known = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if text.lower() not in known:
        raise ValueError(f"{text!r} is neither true nor false")
    return known[text.lower()]


def one_of(*choices: str) -> Callable[[str], str]:
    """Make a reader of one of several words; case does not matter."""

    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"{text!r} is not one of {', '.join(choices)}")
        return text.lower()

    return read


def is_word(word: str, other: str) -> Callable[[str], bool]:
    """Make a reader of one of two words; the value is whether it is the first one."""
    read_word = one_of(other, word)
    return lambda text: read_word(text) == word


def queue_prefix(text: str) -> str:
    """Check the prefix of names at the broker, which reserves ``amq.`` for itself (AMQP 0-9-1, section 3.1.3.1)."""
    if not _PREFIX.fullmatch(text):
        raise ValueError(
            f"{text!r} is not a prefix: write up to 64 letters, digits, '.', '_' and '-', not beginning with amq."
        )
    return text
