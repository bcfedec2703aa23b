"""The flight recorder of a worker, if the settings want one."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from leveret.observe import Observer
from leveret.settings import Settings

logger: Final = logging.getLogger("leveret.worker")

_MOST_HELD: Final = 2
"""Records for each request that a worker may hold: while they run, others come to their end."""


@contextmanager
def recording(settings: Settings, worker: str) -> Iterator[Sequence[Observer]]:
    """Open the recorder of a worker, and note at the end of the block that the worker ended in good order.

    A recorder that cannot be opened is a warning in the log: the worker works without it.

    Args:
        settings: the settings.
        worker: the worker's name.
    """
    if not settings.recorder:
        yield ()
        return
    from leveret.observe.recorder.flight_recorder import (  # noqa: PLC0415 - not needed without the setting
        LEAST_RECORDS,
        FlightRecorder,
    )

    try:
        records = max(LEAST_RECORDS, _MOST_HELD * settings.prefetch)
        recorder = FlightRecorder(settings.name, worker, records=records)
    except OSError as error:
        logger.warning("requests are not recorded: %s", error)
        yield ()
        return
    try:
        yield (recorder,)
    finally:
        recorder.close()
