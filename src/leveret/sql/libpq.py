"""The parameters of a PostgreSQL URL: each one is used, or refused with a text that names it.

What is refused may be part of a password with an unescaped character. Therefore no text repeats a value, or a name that
libpq does not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from leveret.sql.pooling import AUTOMATIC, Threshold, options_of

_LIMITS: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""How long connecting to one host may take, and what notices within half a minute that a server has vanished (libpq,
"Parameter Key Words"); a URL may say otherwise."""

_NUMBERS: Final = frozenset({*_LIMITS, "keepalives"})
_CHOICES: Final[Mapping[str, Sequence[str]]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "sslcertmode": ("disable", "allow", "require"),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "load_balance_hosts": ("disable", "random"),
    "target_session_attrs": ("any", "read-write", "primary"),  # the others find servers that a worker cannot write to
    "client_encoding": ("utf8", "utf-8", "unicode"),
}
_OURS: Final = frozenset({"prepare_threshold"})
_REFUSED: Final = frozenset({"replication"})

_INSTALL: Final = "pip install 'leveret[postgres]'"

_HOST: Final = re.compile(r"(\[[^][]*\]|[^][:]*)(?::([0-9]*))?")
_HOSTS_IN_ADDRESS: Final = re.compile(r"([a-z+]+://(?:[^@]*@)?)([^/?#@]*,[^/?#@]*)([^?@]*)(\?[^@]*)?", re.DOTALL)
"""User and password end at the last @, as in SQLAlchemy: a part of a password must not pass for a host."""


class ConnectionParameters(Struct, frozen=True):
    """What a URL says about connecting.

    Attributes:
        url: user, password and database; everything else is in the arguments.
        arguments: for ``psycopg.connect``.
        prepared_after: executions after which a statement is prepared, see ``Sessions``.
    """

    url: sa.URL
    arguments: dict[str, Any]
    prepared_after: Threshold


def hosts_to_query(text: str) -> str:
    """Move several hosts, as in ``postgresql://a:1,b:2/name``, behind the ``?``, where SQLAlchemy can read them."""
    found = _HOSTS_IN_ADDRESS.fullmatch(text)
    if not found or not text.startswith("postgres"):
        return text
    login, hosts, path, query = found.groups()
    return f"{login}{path}{query}&host={hosts}" if query else f"{login}{path}?host={hosts}"


def read_parameters(url: sa.URL) -> ConnectionParameters:
    """Read and check the parameters of a URL, and those that the environment sets in their place.

    Raises:
        ValueError: a parameter is unknown, stands twice, or has an impossible value, and the text names it; or the
            driver is not installed, and the text says how to install it.
    """
    pq = _driver()
    defaults = {option.keyword.decode(): option for option in pq.Conninfo.get_defaults()}
    for place, name in enumerate(url.query, start=1):
        if name not in defaults and name not in _OURS:
            raise ValueError(f"parameter {place} behind the ? is not one of libpq {pq.version_pretty(pq.version())}")
        if name in _REFUSED:
            raise ValueError(f"a worker's connection cannot have the parameter {name}")
    given = {name: _once(name, value) for name, value in url.query.items() if name != "host"}
    prepared_after = _threshold(given.pop("prepare_threshold", None))
    for name, twice in (("user", url.username), ("password", url.password), ("dbname", url.database)):
        if name in given and twice is not None:
            raise ValueError(f"{name} stands twice, in the address and behind the ?")
    for name, value in given.items():
        _check(name, value)
    for name, option in defaults.items():
        if name not in given and option.envvar and option.val and name != "client_encoding":
            _check(name, option.val.decode(), called=option.envvar.decode())
    limits = {n: v for n, v in _LIMITS.items() if not (defaults[n].envvar and defaults[n].val)}
    arguments: dict[str, Any] = {"client_encoding": "utf8", **limits, **given, **_hosts(url, given)}
    return ConnectionParameters(url.set(query={}, host=None, port=None), arguments, prepared_after)


def _driver() -> ModuleType:
    """Import the driver's part that knows libpq; the driver is an extra, because SQLite does not need it."""
    try:
        from psycopg import pq  # noqa: PLC0415 -- who uses SQLite does not pay for it
    except ModuleNotFoundError as error:
        raise ValueError(f"PostgreSQL needs psycopg, which is not installed: {_INSTALL}") from error
    except ImportError as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"PostgreSQL needs psycopg, which cannot be imported ({reason}): {_INSTALL}") from error
    return pq


def _once(name: str, value: str | Sequence[str]) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} stands twice")  # noqa: TRY004 -- two of them, not another type
    return value


def _threshold(text: str | None) -> Threshold:
    if text is None:
        return AUTOMATIC
    if text.lower() == "off":
        return None
    if not (text.isascii() and text.isdigit()):
        raise ValueError("prepare_threshold is neither a whole number nor off")
    return int(text)


def _check(name: str, value: str, called: str | None = None) -> None:
    called = called or name
    choices = _CHOICES.get(name)
    if choices and value.lower() not in choices:
        raise ValueError(f"{called} is not one of {', '.join(choices)}")
    if name in _NUMBERS and not (value.isascii() and value.isdigit()):
        raise ValueError(f"{called} is not a whole number")
    if name == "options":
        try:
            options_of(value)
        except ValueError as error:
            raise ValueError(f"{called}: {error}") from None


def _hosts(url: sa.URL, given: Mapping[str, str]) -> dict[str, str]:
    """Return hosts and ports as libpq takes them, from either form: libpq's commas, or SQLAlchemy's ``host=a:1``."""
    written = url.query.get("host", ())
    named = [host for text in ([written] if isinstance(written, str) else written) for host in text.split(",")]
    if not named:
        if url.port is not None and "port" in given:
            raise ValueError("port stands twice, in the address and behind the ?")
        found = {"host": url.host, "port": url.port or given.get("port")}
        return _with_ports({name: str(value) for name, value in found.items() if value is not None}, 1)
    if url.host or url.port:
        raise ValueError("the host stands twice, in the address and behind the ?")
    parts = [(name, "") if name.startswith(("/", "@")) else _host_and_port(name) for name in named]
    hosts = {"host": ",".join(name.strip("[]") for name, _ in parts)}
    if any(port for _, port in parts):
        if "port" in given:
            raise ValueError("port stands twice, behind a host and by itself")
        return _with_ports(hosts | {"port": ",".join(port for _, port in parts)}, len(parts))
    return _with_ports(hosts | ({"port": given["port"]} if "port" in given else {}), len(parts))


def _host_and_port(text: str) -> tuple[str, str]:
    found = _HOST.fullmatch(text)
    if found:
        return found[1], found[2] or ""
    if text.count(":") > 1 and not re.search(r"[][]", text):
        return text, ""  # an IPv6 address
    raise ValueError("a host is not written as name, name:port or [IPv6 address]:port")


def _with_ports(hosts: dict[str, str], count: int) -> dict[str, str]:
    ports = hosts.get("port", "").split(",")
    if len(ports) not in (1, count):
        raise ValueError(f"there are {len(ports)} ports for {count} hosts")
    if any(port and not (port.isascii() and port.isdigit() and 0 < int(port[:9]) < 65536) for port in ports):
        raise ValueError("a port is not a number from 1 to 65535")
    return hosts
