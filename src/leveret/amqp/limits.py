"""The limits of all waits in the driver."""

from __future__ import annotations

import msgspec

from leveret.amqp.errors import InvalidArgument


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits in seconds. Every wait of the driver ends at one of them, with an AmqpTimeout.

    Attributes:
        connect: From the first packet to an open connection, with the name look-up and TLS; for each address.
        next_address: How long an address may be silent before the next one is tried as well.
        rpc: One method and its answer, such as queue.declare.
        confirm: A publish and its confirm; also the wait of `Connection.writable`.
        close: The close method and its answer; after that the socket is dropped.
    """

    connect: float = 10.0
    next_address: float = 1.0
    rpc: float = 30.0
    confirm: float = 30.0
    close: float = 5.0

    def __post_init__(self) -> None:
        """Check that every limit is a positive number of seconds."""
        for name in self.__struct_fields__:
            if not getattr(self, name) > 0:
                raise InvalidArgument(f"the limit {name!r} is {getattr(self, name)!r}; it must be above 0 seconds")
