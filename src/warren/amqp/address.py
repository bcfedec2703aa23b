"""Where the broker is and who we are there, from one URL (RabbitMQ's URI specification and URI query parameters)."""

from __future__ import annotations

from typing import Any, Self
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

import msgspec

from warren.amqp.errors import AddressError

_PORTS = {"amqp": 5672, "amqps": 5671}


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A broker's address. Its text hides the password.

    Attributes:
        tls: amqps: encrypted, and the broker's certificate is checked, always.
        heartbeat: Seconds between heartbeats, 0 for none, None for the default.
        connection_timeout: Seconds to connect, None for the default.
        cafile: Certificates to trust instead of the system's (PEM).
        certfile: Our own certificate, where the broker asks for one (PEM); its key is in `keyfile` or in the same file.
        server_name: The name that the broker's certificate must bear, when it is not the host's.
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

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `amqp://user:password@host:port/vhost?heartbeat=30&connection_timeout=10000` or `amqps://...`.

        Everything but the scheme may be left out. The vhost is percent-decoded: `/%2f` is "/", and so are none and a
        single `/` (in RabbitMQ's specification the latter is a vhost without a name, which no broker has).
        `connection_timeout` is milliseconds. With amqps also `cacertfile` (or `cafile`), `certfile`, `keyfile`,
        `server_name_indication`.

        Raises:
            AddressError: It says which part and why, and never shows the password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise AddressError(f"this is not an address: {_reason(error)}") from None
        if parts.scheme not in _PORTS:
            raise AddressError(
                f"an address begins with amqp:// or amqps://, not {parts.scheme + ':' if parts.scheme else 'nothing'}"
            )
        if not url[len(parts.scheme) :].startswith("://"):
            raise AddressError(f"an address begins with {parts.scheme}://")
        return cls(
            host=_host(parts),
            port=_PORTS[parts.scheme] if port is None else port,
            user=_decoded("user", parts.username, "guest"),
            password=_decoded("password", parts.password, "guest"),
            vhost=_vhost(parts),
            tls=parts.scheme == "amqps",
            **_options(parts),
        )

    def __str__(self) -> str:
        """The address without the password and the options."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "amqps" if self.tls else "amqp"
        vhost = "" if self.vhost == "/" else "/" + quote(self.vhost, safe="")
        return f"{scheme}://{quote(self.user, safe='')}:***@{host}:{self.port}{vhost}"

    __repr__ = __str__


def _reason(error: ValueError) -> str:
    text = str(error)
    return "the port is not a number from 0 to 65535" if "ort" in text else "its host cannot be read"


def _host(parts: SplitResult) -> str:
    if parts.fragment:
        raise AddressError("an address has no fragment; write # as %23")
    return _decoded("host", parts.hostname, "localhost") or "localhost"


def _decoded(what: str, text: str | None, default: str) -> str:
    if text is None:
        return default
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise AddressError(f"the {what} has percent signs that are not UTF-8") from None
    if "\0" in decoded:
        raise AddressError(f"the {what} has a NUL character")
    return decoded


def _vhost(parts: SplitResult) -> str:
    vhost = parts.path[1:]
    if not vhost:
        return "/"
    if "/" in vhost:
        raise AddressError(f"the vhost {vhost!r} has a slash; write it as %2f")
    decoded = _decoded("vhost", vhost, "/")
    if len(decoded) > 127 or len(decoded.encode()) > 255:
        raise AddressError("the vhost has more than 127 characters or 255 bytes")
    return decoded


def _options(parts: SplitResult) -> dict[str, Any]:
    """The query as keyword arguments of Address."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name == "heartbeat":
            found["heartbeat"] = _number(name, value, 65535)
        elif name == "connection_timeout":
            found["connection_timeout"] = max(_number(name, value, 86_400_000), 1) / 1000
        elif name in _FILES and parts.scheme == "amqps":
            found[_FILES[name]] = value
        elif name == "verify" and parts.scheme == "amqps":
            if value != "verify_peer":
                raise AddressError("certificate checks cannot be turned off; name the broker's CA with cacertfile=")
        else:
            raise AddressError(f"the option {name!r} is not known" + (" without amqps://" if name in _FILES else ""))
    return found


_FILES = {
    "cacertfile": "cafile",
    "cafile": "cafile",
    "certfile": "certfile",
    "keyfile": "keyfile",
    "server_name_indication": "server_name",
}


def _number(name: str, value: str, most: int) -> int:
    if not (value.isascii() and value.isdigit() and int(value[:12]) <= most):
        raise AddressError(f"{name}={value!r} is not a whole number from 0 to {most}")
    return int(value)
