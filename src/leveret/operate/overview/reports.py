"""Reads what workers publish of themselves, for overviews."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Final

import msgspec

from leveret.amqp import AmqpError
from leveret.broker.connecting import BrokerTrouble, connected
from leveret.letters.stream import StreamMissing, read_stream
from leveret.observe.status import WorkerStatus
from leveret.observe.totals import Spread
from leveret.operate.overview.board import Board
from leveret.operate.overview.queues import LIMITS
from leveret.operate.overview.samples import Durations, HeldRequest, WorkerSample
from leveret.operate.overview.system import FORGOTTEN_AFTER, SILENT_AFTER
from leveret.topology import Topology

_PAUSE: Final = 5.0
"""Seconds until the stream is looked for again."""

_read = msgspec.json.Decoder(WorkerStatus).decode


async def watch_reports(board: Board, url: str, topology: Topology) -> None:
    """Write down what workers say of themselves, also in the last minutes, until cancelled.

    Args:
        board: where it is written down.
        url: the broker's address.
        topology: names the stream.
    """
    stream = topology.status_stream
    while True:
        try:
            async with connected(url, LIMITS) as connection:
                start = datetime.fromtimestamp(board.clock() - FORGOTTEN_AFTER, UTC)
                async with aclosing(read_stream(connection, stream, start)) as batches:
                    async for batch in batches:
                        for delivery in batch.deliveries:
                            if (sample := sample_of(delivery.body)) is not None:
                                board.report(sample)
                        board.note("reports", "ok", f"read from {stream}")
                        if board.last_report >= board.clock() - SILENT_AFTER:
                            board.note_reports_read()
        except StreamMissing:
            board.note_reports_read()
            board.note(
                "reports", "unknown", "no worker reports what it does: workers do with the setting STATUS_REPORTS=on"
            )
        except BrokerTrouble:
            board.note_reports_read()
            board.note("reports", "unknown", "the broker does not answer")
        except AmqpError as error:
            board.note_reports_read()
            board.note("reports", "away", f"{stream} cannot be read: {error}")
        await asyncio.sleep(_PAUSE)


def sample_of(body: bytes) -> WorkerSample | None:
    """Return what a worker says of itself; None if it cannot be read, as from a worker of another version."""
    try:
        status = _read(body)
    except msgspec.MsgspecError:
        return None
    counts = status.counts.values()
    return WorkerSample(
        name=status.name,
        host=status.host,
        pid=status.pid,
        version=status.version,
        framework=status.leveret,
        started=status.started,
        at=status.at,
        ended=status.ended,
        held=tuple(HeldRequest(*each) for each in status.in_hand),
        finished=sum(count for each in counts for outcome, count in each.items() if outcome not in _UNFINISHED),
        retries=status.retries,
        letters=status.letters,
        waiting=_durations(status.bounds, status.waiting),
        total=_durations(status.bounds, status.total),
        lanes=status.lanes,
        lanes_busy=status.lanes_busy,
    )


_UNFINISHED: Final = frozenset({"retry", "put_back"})
"""Outcomes after which the request comes again."""


def _durations(bounds: tuple[float, ...], spread: Spread) -> Durations:
    return Durations(bounds, spread.counts)
