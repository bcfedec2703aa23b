"""Putting letters into their queue, for an operator: each is confirmed, and copied for the indexes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from leveret.amqp import AmqpError, AnyChannel, AnyConnection, Delivery, Message, Refused, Unroutable
from leveret.topology import Topology
from leveret.wire.messages import letter_copy, stream_copy

logger: Final = logging.getLogger("leveret.letters")


async def publish_letters(
    connection: AnyConnection, channel: AnyChannel, topology: Topology, letters: Sequence[Delivery]
) -> list[Refused | Unroutable | None]:
    """Publish letters into their queue, and those that it took into the stream of letters, if there is one.

    Nothing depends on a copy, so what goes wrong with one is logged and no more.

    Args:
        connection: stays open; under an alarm of the broker this waits as publishers do.
        channel: with confirms.
        topology: names queue and stream.
        letters: the messages.

    Returns:
        For each letter why the queue does not have it, or None.

    Raises:
        AmqpError: the connection was lost; nobody knows which letters the queue has.
    """
    await connection.writable()
    verdicts: list[Refused | Unroutable | None] = []
    for verdict in await channel.publish_batch([letter_copy(each, topology.dead_letters) for each in letters]):
        if not (verdict is None or isinstance(verdict, Refused | Unroutable)):
            raise verdict
        verdicts.append(verdict)
    taken = [letter for letter, verdict in zip(letters, verdicts, strict=True) if verdict is None]
    await copy_letters(channel, topology, taken)
    return verdicts


async def copy_letters(channel: AnyChannel, topology: Topology, letters: Sequence[Delivery]) -> None:
    """Publish copies of letters into their stream; what goes wrong is logged."""
    try:
        failed = [each for each in await channel.publish_batch(_copies(topology, letters)) if each is not None]
    except AmqpError as error:
        failed = [error]
    if failed:
        logger.info(
            "copies of %d letters could not be put into %s: %s", len(letters), topology.letters_stream, failed[0]
        )


def _copies(topology: Topology, letters: Sequence[Delivery]) -> list[Message]:
    return [stream_copy(each, topology.letters_stream) for each in letters]
