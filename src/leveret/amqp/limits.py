"""How long each kind of wait may last."""

from __future__ import annotations

import msgspec

from leveret.amqp.errors import InvalidArgument


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits in seconds; every wait of the driver ends at one of them with an AmqpTimeout.

    Attributes:
        connect: From the first packet to an open connection, the name look-up and TLS included; for each address.
        next_address: How long an address may be silent before the next one is tried beside it.
        rpc: One method and its reply, such as queue.declare.
        confirm: A publish and its confirm; also how long `Connection.writable` waits.
        close: A polite goodbye, after which the socket is dropped.
    """

    connect: float = 10.0
    next_address: float = 1.0
    rpc: float = 30.0
    confirm: float = 30.0
    close: float = 5.0

    def __post_init__(self) -> None:
        """Every limit is a positive number of seconds."""
        for name in self.__struct_fields__:
            if not getattr(self, name) > 0:
                raise InvalidArgument(f"the limit {name!r} is {getattr(self, name)!r}; it must be above 0 seconds")
