"""An operator's connection to the broker, and the one error that tells why it does not do what was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from leveret.amqp import Address, AmqpError, ChannelClosed, Connection, Limits
from leveret.errors import LeveretError

_ACCESS_REFUSED: Final = 403


class BrokerTrouble(LeveretError):
    """The broker cannot be reached, or it refused; the text says why and what to do."""


@asynccontextmanager
async def connected(url: str | Address, limits: Limits | None = None) -> AsyncIterator[Connection]:
    """Connect to a broker for the time of a block.

    Args:
        url: the broker's address, or several.
        limits: how long each kind of wait may last.

    Raises:
        BrokerTrouble: there is no connection, or an error of AMQP ended the block.
    """
    try:
        connection = await Connection.open(url, name="operator", limits=limits)
        try:
            yield connection
        finally:
            await connection.close()
    except AmqpError as error:
        refused = isinstance(error, ChannelClosed) and error.reply_code == _ACCESS_REFUSED
        hint = ". Connect as a user who may do that, or give this user the permission" if refused else ""
        raise BrokerTrouble(f"{error}{hint}") from error
