"""The broker's address as it may be shown, and what it names."""

from __future__ import annotations

from ipaddress import ip_address

from leveret.amqp import AddressError, Addresses


def shown_address(url: str) -> str:
    """Return a broker's address, or several, without users and passwords.

    Raises:
        ValueError: the text is not an address.
    """
    return str(_parse(url))


def vhost_of(url: str) -> str:
    """Return the vhost that a broker's address names.

    Raises:
        ValueError: the text is not an address.
    """
    return _parse(url).vhost


def is_on_this_machine(url: str) -> bool:
    """Return whether all of a broker's addresses are loopback addresses (RFC 1122, section 3.2.1.3; RFC 6761, 6.3).

    Raises:
        ValueError: the text is not an address.
    """
    return all(_is_loopback(each.host) for each in _parse(url).members)


def _is_loopback(host: str) -> bool:
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _parse(url: str) -> Addresses:
    try:
        return Addresses.parse(url)
    except AddressError as error:
        raise ValueError(str(error)) from error
