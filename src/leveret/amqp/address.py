"""A broker's address, read from one URL (RabbitMQ docs "URI Specification" and "URI Query Parameters")."""

from __future__ import annotations

from typing import Any, Self
from urllib.parse import parse_qsl, quote

import msgspec

from leveret.amqp.errors import AddressError
from leveret.process.urls import UrlParts, decoded, shown_host, split_url

_PORTS = {"amqp": 5672, "amqps": 5671}


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A broker's address. Its text shows no user, no password and no options.

    Attributes:
        tls: True for `amqps`: the connection is encrypted, and the broker's certificate is always checked.
        heartbeat: Seconds between heartbeats, 0 for none, None for the default.
        connection_timeout: Seconds to connect, None for the default.
        cafile: Certificates to trust instead of the system's (PEM).
        certfile: Our own certificate, for a broker that asks for one (PEM). Its key is in `keyfile` or in this file.
        server_name: The name in the broker's certificate, when it is not the host's name.
        number: The IP address to connect to; None to look up the host's name.
    """

    host: str = "localhost"
    port: int = 5672
    user: str = "guest"
    password: str = "guest"  # noqa: S105 - RabbitMQ's default on loopback, documented in its URI specification
    vhost: str = "/"
    tls: bool = False
    heartbeat: int | None = None
    connection_timeout: float | None = None
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    server_name: str | None = None
    number: str | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `amqp://user:password@host:port/vhost?heartbeat=30&connection_timeout=10000` or `amqps://...`.

        Everything except the scheme may be left out. The vhost is percent-decoded: `/%2f` means "/". A missing path and
        a single `/` mean "/" too; in RabbitMQ's specification the latter is a vhost without a name, and no broker has
        one. `connection_timeout` is in milliseconds, at least 1; 0, which elsewhere means to wait for ever, is refused.
        `amqps` also takes `cacertfile` (or `cafile`), `certfile`, `keyfile` and `server_name_indication`.

        Raises:
            AddressError: The error names the part and the reason, and repeats nothing of the text.
        """
        try:
            return cls._from_parts(split_url(url, *_PORTS))
        except ValueError as error:
            raise AddressError(str(error)) from None

    @classmethod
    def _from_parts(cls, parts: UrlParts) -> Self:
        return cls(
            host=parts.host or "localhost",
            port=parts.port or _PORTS[parts.scheme],
            user="guest" if parts.user is None else parts.user,
            password="guest" if parts.password is None else parts.password,
            vhost=_vhost(parts),
            tls=parts.scheme == "amqps",
            **_options(parts),
        )

    def __str__(self) -> str:
        """Return scheme, host, port and vhost."""
        scheme = "amqps" if self.tls else "amqp"
        vhost = "" if self.vhost == "/" else "/" + quote(self.vhost, safe="")
        return f"{scheme}://{shown_host(self.host, self.port)}{vhost}"

    __repr__ = __str__


def _vhost(parts: UrlParts) -> str:
    written = parts.path[1:]
    if not written:
        return "/"
    if "/" in written:
        raise ValueError("the vhost has a slash; in a vhost / is written %2F")
    vhost = decoded("vhost", written)
    if len(vhost) > 127 or len(vhost.encode()) > 255:
        raise ValueError("the vhost has more than 127 characters or 255 bytes")
    return vhost


def _options(parts: UrlParts) -> dict[str, Any]:
    """Return the query as keyword arguments of Address."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name == "heartbeat":
            found["heartbeat"] = _number(name, value, 65535)
        elif name == "connection_timeout":
            found["connection_timeout"] = _number(name, value, 86_400_000, least=1) / 1000
        elif name in _FILES and parts.scheme == "amqps":
            found[_FILES[name]] = value
        elif name == "verify" and parts.scheme == "amqps":
            if value != "verify_peer":
                raise ValueError("certificate checks cannot be turned off; name the broker's CA with cacertfile=")
        else:
            raise ValueError(_unknown(name))
    return found


_FILES = {
    "cacertfile": "cafile",
    "cafile": "cafile",
    "certfile": "certfile",
    "keyfile": "keyfile",
    "server_name_indication": "server_name",
}


def _unknown(name: str) -> str:
    if name in {*_FILES, "verify"}:
        return f"the option {name} is not known without amqps://"
    with_tls = ", ".join(_FILES)
    return f"an option is not known: there are heartbeat, connection_timeout and, with amqps://, verify, {with_tls}"


def _number(name: str, value: str, most: int, least: int = 0) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 12 and least <= int(value) <= most):
        raise ValueError(f"{name} is not a whole number from {least} to {most}")
    return int(value)
