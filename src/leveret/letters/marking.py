"""Telling all indexes what became of letters, by marks in the stream of letters."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from leveret.amqp import AmqpError, AnyConnection
from leveret.topology import Topology
from leveret.wire.marks import LetterMark
from leveret.wire.messages import mark_message

logger: Final = logging.getLogger("leveret.letters")

_AT_ONCE: Final = 500
"""Marks that are published together."""


async def mark(connection: AnyConnection, topology: Topology, marks: Sequence[LetterMark]) -> bool:
    """Publish marks, and return whether the broker has taken all of them.

    Nothing depends on a mark: what lies in the queue is the truth, and an index that lacks a mark finds out when it is
    compared with the queue. So an error is logged and no more. The stream may be there although the settings of whoever
    runs this switch streams off; where there is none, the broker drops the marks.
    """
    if not marks or not connection.is_open:
        return not marks
    try:
        channel = await connection.channel(confirms=True)
        try:
            for begin in range(0, len(marks), _AT_ONCE):
                messages = [mark_message(each, topology.letters_stream) for each in marks[begin : begin + _AT_ONCE]]
                await connection.writable()
                if any(await channel.publish_batch(messages)):
                    return False
        finally:
            await channel.close()
    except AmqpError as error:
        logger.info("what became of the letters could not be marked in %s: %s", topology.letters_stream, error)
        return False
    return True
