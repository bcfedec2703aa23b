"""Versions of RabbitMQ: where they differ, a test says which versions behave in which way."""

from __future__ import annotations

from typing import Final

from leveret.amqp import Connection

Version = tuple[int, ...]

DELIVERY_LIMIT_BY_DEFAULT: Final = (4, 0, 1)
"""First version in which a quorum queue has a delivery limit of 20 by default."""

FORGED_DEATHS_IGNORED: Final = (4, 0, 1)
"""First version that ignores a client's `x-death`."""

PASSIVE_NEEDS_PERMISSION: Final = (4, 2, 6)
"""First version in which a passive declaration needs a permission: configure in 4.2.6 and 4.3.0, any afterwards."""

NACKS_UNCOUNTED: Final = (4, 3)
"""First version whose delivery limit does not count messages that were returned by `basic.nack`."""

FORGED_REPLY_QUEUES_HARMLESS: Final = (4, 3)
"""First version that drops a message to a forged direct reply queue; before, it ended the connection with 541."""

TIMEOUT_CANCELS: Final = (4, 3)
"""First version in which a delivery that is not acked in time ends its consumer; before, it ended the channel."""

STRICT_PRIORITIES: Final = (4, 3)
"""First version whose quorum queues always deliver a higher priority first; a message without one has priority 4."""

STAMPS: Final = (4, 0)
"""First version that we know to stamp messages if configured so; 3.10.8 does not start with that setting."""


def version_of(connection: Connection) -> Version:
    """Return the version of the broker, such as (4, 0, 5)."""
    return tuple(int(part) for part in str(connection.server_properties["version"]).split(".")[:3])
