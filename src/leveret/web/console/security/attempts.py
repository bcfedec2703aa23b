"""How long an account or an address waits after failed sign-ins. Pure."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_address
from typing import Final

FREE_FOR_A_NAME: Final = 5
"""Failures in a row of one name that cost nothing: people mistype."""

FREE_FOR_AN_ADDRESS: Final = 30
"""Failures in a row of one address that cost nothing: several people may share it."""

ANY_NUMBER: Final = 2**31
"""More failures than there can be: they are counted, and cost nothing by themselves."""

FORGOTTEN_AFTER: Final = 24 * 3600.0
"""Seconds after the last failure in which failures are forgotten."""

_LONGEST: Final = 15 * 60.0
"""Seconds of the longest pause; a longer one would let a stranger keep an operator out."""


_MOST_DOUBLINGS: Final = 20


def pause_after(failures: int, free: int = FREE_FOR_A_NAME) -> float:
    """Return for how many seconds nobody may try again after that many failures in a row, of which some are free."""
    if failures < free:
        return 0.0
    return min(2.0 ** min(failures - free + 1, _MOST_DOUBLINGS), _LONGEST)


def counted_address(peer: str, forwarded: str | None = None) -> str:
    """Return the address for which failures are counted.

    Of what a header X-Forwarded-For lists, only the last part was written by the proxy that we know; whoever asks may
    have written the others. Of an IPv6 address the network counts (its first 64 bits), because one caller has all
    addresses of one.

    Args:
        peer: the address of the connection.
        forwarded: the header X-Forwarded-For, if a proxy sets it; None where there is no proxy.
    """
    named = (forwarded or "").rpartition(",")[2].strip() or peer
    host = named[1:].partition("]")[0] if named.startswith("[") else named
    host = host.partition(":")[0] if host.count(":") == 1 else host
    try:
        address = ip_address(host)
    except ValueError:
        return peer
    if address.version == 4 or address.ipv4_mapped is not None:
        return str(address if address.version == 4 else address.ipv4_mapped)
    return str(IPv6Network((int(address), 64), strict=False))
