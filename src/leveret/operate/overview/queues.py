"""Looks at the broker again and again: how full the queues are, and whether an alarm keeps publishers out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Literal

from leveret.amqp import AmqpError, Channel, ChannelClosed, Connection, Limits
from leveret.broker.addresses import shown_address
from leveret.broker.alarms import NOWHERE
from leveret.broker.connecting import BrokerTrouble, connected
from leveret.broker.queues import state_of
from leveret.operate.overview.board import Board, PartName
from leveret.operate.overview.samples import DepthSample
from leveret.topology import Topology
from leveret.wire.messages import trial_message

LIMITS: Final = Limits(connect=5.0, rpc=5.0, confirm=5.0, close=1.0)

_TRIAL: Final = 10
"""Rounds from one message that finds out whether there is an alarm to the next."""

_REFUSED: Final = 403


async def watch_broker(board: Board, url: str, topology: Topology, every: float) -> None:
    """Write down depths and the broker's state, until cancelled.

    Args:
        board: where it is written down.
        url: the broker's address.
        topology: names of the queues; nothing is declared.
        every: seconds between two looks.
    """
    while True:
        try:
            async with connected(url, LIMITS) as counting, _publishing(url) as trial:
                says = counting.server_properties
                words = f"{says.get('product')!s} {says.get('version')!s} at {shown_address(url)}"
                while True:
                    if trial.make():
                        await _note_streams(board, counting, topology)
                    board.count(await _depths(counting, topology, board.clock()))
                    board.note("broker", "troubled" if trial.alarm else "ok", trial.alarm or words)
                    await asyncio.sleep(every)
        except BrokerTrouble as error:
            board.note("broker", "away", str(error))
            board.count(DepthSample(at=board.clock()))
        await asyncio.sleep(every)


class _Trial:
    """Finds out whether there is an alarm, on a connection of its own, because an alarm silences those that publish.

    A user who may not publish to the default exchange does not learn of alarms.
    """

    def __init__(self, connection: Connection, channel: Channel) -> None:
        self._connection = connection
        self._channel = channel
        self._rounds = iter(range(2**63))

    @property
    def alarm(self) -> str | None:
        """Why the broker takes no messages; None if it takes them, or if nobody has tried."""
        return self._connection.blocked

    def make(self) -> bool:
        """Publish a message that no queue takes, unless there is an alarm already; return whether it is time for it."""
        if next(self._rounds) % _TRIAL:
            return False
        if self.alarm is None and self._channel.is_open:
            with suppress(AmqpError):
                self._channel.publish_batch([trial_message(NOWHERE)])
        return True


@asynccontextmanager
async def _publishing(url: str) -> AsyncIterator[_Trial]:
    connection = await Connection.open(url, name="operator", limits=LIMITS)
    try:
        yield _Trial(connection, await connection.channel())
    finally:
        if connection.blocked is None:
            await connection.close()
        connection.abort()


async def _note_streams(board: Board, connection: Connection, topology: Topology) -> None:
    """Write down whether the streams are there, without which workers and letters cannot be seen."""
    there: tuple[tuple[PartName, str], ...] = (("reports", topology.status_stream), ("index", topology.letters_stream))
    for part, name in there:
        if not topology.streams:
            board.note(part, "unused", "streams are switched off in the settings")
        elif await _depth(connection, name) is None:
            # Workers that never reported are no problem; letters that cannot be searched are one.
            state: Literal["away", "unknown"] = "away" if part == "index" else "unknown"
            board.note(part, state, f"the stream {name} is not there, or may not be seen")
        elif part == "reports" and not board.reports_read:
            continue  # whether workers report is not known yet
        elif part == "reports" and not board.has_reports:
            board.note(part, "unknown", "no worker reports what it does: workers do with the setting STATUS_REPORTS=on")
        else:
            board.note(part, "ok", name)


async def _depths(connection: Connection, topology: Topology, at: float) -> DepthSample:
    requests = await _depth(connection, topology.requests)
    retries = [await _depth(connection, name) for name in topology.retries]
    letters = await _depth(connection, topology.dead_letters)
    known = [each[0] for each in retries if each is not None]
    return DepthSample(
        at=at,
        waiting=requests[0] if requests else None,
        consumers=requests[1] if requests else None,
        retrying=sum(known) if known else None,
        letters=letters[0] if letters else None,
    )


async def _depth(connection: Connection, queue: str) -> tuple[int, int] | None:
    """Return messages and consumers of a queue; None where there is none, or we may not look."""
    try:
        state = await state_of(connection, queue)
    except ChannelClosed as error:
        if error.reply_code != _REFUSED:
            raise
        return None
    return None if state is None else (state.messages, state.consumers)
