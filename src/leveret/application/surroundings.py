"""What a worker is put into: network, clock, resources and database, or what a test has in their place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

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
        resources: instances that stand in the place of the application's resources, by their types.
    """

    connect: Connect = Connection.open
    clock: Clock = MACHINE
    engine: sa.Engine | None = None
    resources: Mapping[Any, object] = {}


OUTSIDE: Final = Surroundings()
"""The network, the machine's clock, the application's resources, and the database that the settings name."""
