"""The broker's address as it may be shown, and what it names."""

from __future__ import annotations

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


def _parse(url: str) -> Addresses:
    try:
        return Addresses.parse(url)
    except AddressError as error:
        raise ValueError(str(error)) from error
