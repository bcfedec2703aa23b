"""What users of the broker may do: no more than callers and workers need (RabbitMQ, "Access Control")."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from leveret.topology import Topology

NOTHING: Final = "^$"
"""A pattern that matches no name of an exchange or a queue."""

_DEFAULT_EXCHANGE: Final = r"amq\.default"
"""The name of the default exchange in permissions."""

_DELAY: Final = r"(\.[0-9]+(ms|s|m|h))?"
"""The end of a retry queue's name, with any delay: other delays need no other permissions."""


class Permissions(Struct, frozen=True):
    """Regular expressions for names of exchanges and queues in one vhost.

    Attributes:
        configure: what may be declared and deleted.
        write: exchanges that may be published to, queues that may be bound.
        read: queues that may be consumed, looked at and purged; exchanges that may be bound to.
    """

    configure: str
    write: str
    read: str


class BrokerUser(Struct, frozen=True):
    """A user as it is wanted. Its text hides the password.

    Attributes:
        name: its name at the broker.
        permissions: everything that it may do in the vhost.
        password: the password that it gets. With None a user who is there keeps its own, and a new user gets a random
            one.
    """

    name: str
    permissions: Permissions
    password: str | None = None

    def __repr__(self) -> str:
        return f"BrokerUser({self.name!r}, {self.permissions!r})"


def caller_permissions(topology: Topology, *, reply_queues: bool = False) -> Permissions:
    """Return what a client needs: it publishes requests. Direct reply-to needs no permission.

    Args:
        topology: names the exchange.
        reply_queues: the client may also have reply queues that the broker names (``amq.gen-...``). This permission is
            for all queues with such names, whoever made them; only exclusive queues are safe from others who have it.
    """
    own = r"^amq\.gen-" if reply_queues else NOTHING
    return Permissions(own, f"^{re.escape(topology.exchange)}$", own)


def worker_permissions(topology: Topology) -> Permissions:
    """Return what a worker needs.

    A worker declares the topology: for a binding it writes to the queue and reads from the exchange, for dead-lettering
    it reads from the queue and writes to the exchange. It consumes requests, and publishes replies, retries, letters,
    their copies and reports through the default exchange. It may not read letters.
    """
    exchange, requests, letters = map(re.escape, (topology.exchange, topology.requests, topology.dead_letters))
    copying = re.escape(topology.letters_exchange)
    copies, status = map(re.escape, (topology.letters_stream, topology.status_stream))
    retries = rf"{requests}\.retry{_DELAY}"
    return Permissions(
        configure=f"^({exchange}|{requests}|{retries}|{letters}|{copying}|{copies}|{status})$",
        write=f"^({_DEFAULT_EXCHANGE}|{exchange}|{requests}|{copying}|{letters}|{copies})$",
        read=f"^({exchange}|{requests}|{retries}|{copying})$",
    )
