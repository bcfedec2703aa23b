"""Which RabbitMQ a test runs on: where versions differ, the test says what holds on which of them."""

from __future__ import annotations

from typing import Final

from leveret.amqp import Connection

Version = tuple[int, ...]

DELIVERY_LIMIT_BY_DEFAULT: Final = (4, 0, 1)
"""From here a quorum queue has a delivery limit of 20 by default."""

FORGED_DEATHS_IGNORED: Final = (4, 0, 1)
"""From here a client's `x-death` is ignored."""

PASSIVE_NEEDS_PERMISSION: Final = (4, 2, 6)
"""From here a passive declaration is for those with a permission: on 4.2.6 and 4.3.0 configure, afterwards any."""

NACKS_UNCOUNTED: Final = (4, 3)
"""From here a delivery limit does not count what was given back by `basic.nack`."""

FORGED_REPLY_QUEUES_HARMLESS: Final = (4, 3)
"""From here what is sent to a forged direct reply queue is dropped; before, it ends the connection with 541."""

TIMEOUT_CANCELS: Final = (4, 3)
"""From here a delivery that is not acked in time ends its consumer; before, its channel."""

STRICT_PRIORITIES: Final = (4, 3)
"""From here a quorum queue delivers a higher priority first, always; one without it counts as 4."""


STAMPS: Final = (4, 0)
"""From here the broker can be told to stamp messages, as far as we tried: 3.10.8 does not start with that setting."""


def version_of(connection: Connection) -> Version:
    """The version of the broker, as (4, 0, 5)."""
    return tuple(int(part) for part in str(connection.server_properties["version"]).split(".")[:3])
