"""The parts of an address, read so strictly that no password can pass for another part of it (RFC 3986).

Many people write a password into an address without encoding it. A `/`, `?` or `#` in it then ends the host, and the
rest would be taken for a path and shown. So an `@` after the host is refused, and no error repeats any part of the
text.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

SIGNS: Final = (
    "in a user name or a password / is written %2F, ? is %3F, # is %23, @ is %40, : is %3A, % is %25 and a comma is %2C"
)
"""How to write characters that have a meaning in an address as ordinary characters (RFC 3986, section 2.1)."""

_HOST: Final = re.compile(r"[\w.-]*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_MOST_PORT: Final = 65535


class UrlParts(Struct, frozen=True):
    """The parts of an address. Its text shows only what is not secret: scheme, host and port.

    Attributes:
        scheme: in lower case.
        user: percent-decoded; None when there is none.
        password: percent-decoded; None when there is none.
        host: in lower case, percent-decoded; empty when there is none.
        port: 1 to 65535; None when there is none.
        path: what follows, with its slash, not decoded.
        query: what follows ``?``, not decoded.
    """

    scheme: str
    user: str | None
    password: str | None
    host: str
    port: int | None
    path: str
    query: str

    def __str__(self) -> str:
        return f"{self.scheme}://{shown_host(self.host, self.port)}"

    __repr__ = __str__


def shown_host(host: str, port: int | None) -> str:
    """Return host and port as in an address, with an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    host = f"[{host}]" if ":" in host else host
    return host if port is None else f"{host}:{port}"


def split_url(text: str, *schemes: str) -> UrlParts:
    """Read ``scheme://user:password@host:port/path?query`` with one of these schemes.

    Raises:
        ValueError: it is not such an address; the error says what is wrong and repeats no part of the text.
    """
    scheme, mark, rest = text.strip().partition("://")
    if not mark or scheme.lower() not in schemes:
        raise ValueError(f"an address begins with {' or '.join(f'{each}://' for each in schemes)}; {SIGNS}")
    if not _is_utf8(rest):
        raise ValueError("an address is UTF-8 text; other bytes are written as % and their number, like %FF")
    if _CONTROL.search(rest):
        raise ValueError("an address has no control characters; they are written as % and their number, like %0A")
    if "#" in rest:
        raise ValueError(f"an address has no #; {SIGNS}")
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    tail = rest[len(authority) :]
    if "@" in tail:
        raise ValueError(
            f"an @ follows the host, or a character in the user name or the password ends it too early: {SIGNS}. "
            "After the host @ is written %40 too"
        )
    login, at, place = authority.rpartition("@")
    user, colon, password = login.partition(":")
    host, port = _place(place)
    path, _, query = tail.partition("?")
    return UrlParts(
        scheme.lower(),
        decoded("user", user) if at else None,
        decoded("password", password) if colon else None,
        host,
        port,
        path,
        query,
    )


def decoded(what: str, text: str) -> str:
    """Return a percent-decoded text.

    Raises:
        ValueError: it is not UTF-8, or has a NUL; the error names ``what`` and repeats no part of the text.
    """
    try:
        found = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError(f"the {what} has percent signs that are not UTF-8; {SIGNS}") from None
    if "\0" in found:
        raise ValueError(f"the {what} has a NUL character")
    return found


def _is_utf8(text: str) -> bool:
    """Return whether the text is UTF-8; other bytes of the environment are surrogates in it (PEP 383)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _place(text: str) -> tuple[str, int | None]:
    """Return host and port."""
    if text.startswith("["):
        host, bracket, behind = text[1:].partition("]")
        if not bracket or behind[:1] not in ("", ":"):
            raise ValueError("the host's bracket is not closed, or something other than a port follows it")
        return _numeric(host), _port(behind[1:])
    host, _, port = text.partition(":")
    return _named(host), _port(port)


def _numeric(text: str) -> str:
    number, mark, zone = decoded("host", text).partition("%")
    host = number.lower() + mark + zone
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        raise ValueError("the host in brackets is not a number of IPv6") from None
    return host


def _named(text: str) -> str:
    host = decoded("host", text).lower()
    try:
        usable = bool(_HOST.fullmatch(host)) and host.encode("idna") is not None
    except UnicodeError:
        usable = False
    if not usable:
        raise ValueError(f"the host is not a name or a number; {SIGNS}")
    return host


def _port(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_MOST_PORT)) and 0 < int(text) <= _MOST_PORT):
        raise ValueError(f"the port is not a number from 1 to {_MOST_PORT}; {SIGNS}")
    return int(text)
