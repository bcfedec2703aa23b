"""Which requests are refused before anything looks at them: other hosts, and forms of other sites. Pure rules."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

_SAFE: Final = frozenset({"GET", "HEAD"})
"""Methods that change nothing (RFC 9110, section 9.2.1); our routes have no others but POST."""

_NO_ORIGIN: Final = "null"

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
"""Names of this machine in a Host header."""


def host_is_known(host: str, known: Collection[str]) -> bool:
    """Return whether a Host header names this console, whatever its port is.

    A page of another site can have its own name point to 127.0.0.1 and then read what our server answers (DNS
    rebinding), but its requests carry that name.

    Args:
        host: the header.
        known: names in small letters, without a port.
    """
    name = host.lower()
    if not name.endswith("]"):
        before, colon, port = name.rpartition(":")
        name = before if colon and port.isdigit() else name
    return name.rstrip(".") in known


def is_forged(method: str, own: str, *, site: str | None, origin: str | None) -> bool:
    """Return whether a request that may change something does not come from a page of ours.

    A browser says where a request comes from in ``Sec-Fetch-Site``, which no page can set (W3C, "Fetch Metadata").
    Older browsers send only ``Origin``. A request with neither comes from no browser of today, and is refused. Beside
    ``Sec-Fetch-Site`` an ``Origin`` of ``null`` means nothing: our own forms have it, because our pages ask browsers
    not to tell where a request comes from (``Referrer-Policy: no-referrer``).

    Args:
        method: of the request.
        own: scheme, host and port of this console, as a browser writes an origin.
        site: the header Sec-Fetch-Site.
        origin: the header Origin.
    """
    if method in _SAFE:
        return False
    if site is not None:
        return site != "same-origin" or origin not in (None, _NO_ORIGIN, own)
    return origin != own
