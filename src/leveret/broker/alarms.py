"""Whether an alarm of the broker keeps publishers out (RabbitMQ, "Memory and Disk Alarms")."""

from __future__ import annotations

import asyncio
from typing import Final

from leveret.amqp import AmqpError, Connection, Limits, Refused
from leveret.broker.connecting import BrokerTrouble
from leveret.wire.messages import trial_message

NOWHERE: Final = "leveret.doctor"
"""A routing key that no queue is bound with, so that the broker drops the message."""


async def alarm_at(url: str, exchange: str = "", *, seconds: float = 5.0) -> str | None:
    """Return why the broker takes no messages, or None if it takes them.

    The broker tells only those who publish. So a message without a body is published that no queue takes; the broker
    drops it.

    Args:
        url: the broker's address.
        exchange: to which the message goes: one to which the user may write.
        seconds: how long each wait may last.

    Raises:
        BrokerTrouble: there is no connection, the user may not publish there, or there was no answer.
    """
    blocked: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def note(reason: str | None) -> None:
        if reason is not None and not blocked.done():
            blocked.set_result(reason)

    limits = Limits(connect=seconds, rpc=seconds, confirm=seconds, close=1.0)
    try:
        connection = await Connection.open(url, name="operator", limits=limits, on_blocked=note)
        try:
            return await _published(connection, exchange, blocked)
        finally:
            if blocked.done():
                connection.abort()  # the broker does not read from it, so it would not answer a goodbye
            else:
                await connection.close()
    except AmqpError as error:
        raise BrokerTrouble(str(error)) from error


async def _published(connection: Connection, exchange: str, blocked: asyncio.Future[str]) -> str | None:
    channel = await connection.channel(confirms=True)
    confirmed = channel.publish_batch([trial_message(NOWHERE, exchange)])
    done, _ = await asyncio.wait((confirmed, blocked), return_when=asyncio.FIRST_COMPLETED)
    if blocked in done:
        return blocked.result()
    (verdict,) = confirmed.result()
    if verdict is not None and not isinstance(verdict, Refused):
        raise verdict
    return None
