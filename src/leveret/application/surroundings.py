"""What a worker is put into: network, clock and database, or what a test has in their place."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from msgspec import Struct

from leveret.amqp import Connect, Connection
from leveret.process.clock import MACHINE, Clock


class Surroundings(Struct, frozen=True):
    """What is around a worker.

    Attributes:
        connect: opens connections to the broker.
        clock: tells the time.
        engine: of a database that is prepared and stays open; None for the one that the settings name.
    """

    connect: Connect = Connection.open
    clock: Clock = MACHINE
    engine: sa.Engine | None = None


OUTSIDE: Final = Surroundings()
"""The network, the machine's clock, and the database that the settings name."""
