"""One broker address or several, and the order in which they are tried."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Self

import msgspec

from leveret.amqp.address import Address
from leveret.amqp.errors import AddressError


class Addresses(msgspec.Struct, frozen=True):
    """The nodes of one cluster; a connection to any of them is enough. The text shows no users and no passwords.

    Attributes:
        members: At least one.
        chance: Returns numbers from 0 to below 1; it chooses the address that is tried first.
    """

    members: tuple[Address, ...]
    chance: Callable[[], float] = random.random

    @classmethod
    def parse(cls, text: str, *, chance: Callable[[], float] = random.random) -> Self:
        """Read one address, or several separated by commas; a comma in an address is written %2C.

        Raises:
            AddressError: One of them is not an address, or they name different vhosts. The error repeats nothing of the
                text.
        """
        parts = text.split(",")
        members = []
        for number, part in enumerate(parts, 1):
            try:
                members.append(Address.parse(part))
            except AddressError as error:
                raise AddressError(f"address {number} of {len(parts)}: {error}" if parts[1:] else str(error)) from None
        if len({member.vhost for member in members}) > 1:
            raise AddressError("the addresses name different vhosts, but all of them must be nodes of one cluster")
        return cls(tuple(members), chance)

    @classmethod
    def of(cls, address: Addresses | Address | str) -> Addresses:
        """Return addresses that are given in any of three forms.

        Raises:
            AddressError: As in `parse`.
        """
        if isinstance(address, str):
            return cls.parse(address)
        return address if isinstance(address, Addresses) else cls((address,))

    @property
    def vhost(self) -> str:
        """The vhost that all of them name."""
        return self.members[0].vhost

    def in_turn(self) -> tuple[Address, ...]:
        """Return all addresses in order from a random one on, so that many processes spread over all nodes."""
        first = int(self.chance() * len(self.members))
        return self.members[first:] + self.members[:first]

    def __str__(self) -> str:
        """Return scheme, host, port and vhost of each address."""
        return ", ".join(map(str, self.members))

    __repr__ = __str__
