"""The observers of a worker that settings ask for: flight recorder and traces."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from leveret.errors import SettingsError
from leveret.observe import Observer
from leveret.settings import Settings

logger: Final = logging.getLogger("leveret.worker")

_MOST_HELD: Final = 2
"""Records for each request that a worker may hold: while they run, others come to their end."""


@contextmanager
def observing(settings: Settings, worker: str) -> Iterator[Sequence[Observer]]:
    """Open the observers that the settings ask for, and close them at the end of the block.

    Args:
        settings: the settings.
        worker: the worker's name.

    Raises:
        SettingsError: traces are wanted, and OpenTelemetry is not installed.
    """
    with ExitStack() as opened:
        found: list[Observer] = []
        if settings.recorder:
            found += opened.enter_context(recording(settings, worker))
        if settings.tracing:
            found.append(opened.enter_context(tracing(settings, worker)))
        yield found


@contextmanager
def tracing(settings: Settings, worker: str) -> Iterator[Observer]:
    """Open what makes spans of a worker's requests; those that wait are sent at the end of the block.

    Args:
        settings: the settings.
        worker: the worker's name.

    Raises:
        SettingsError: OpenTelemetry is not installed.
    """
    try:
        from leveret.observe.traces.exporting import exporting  # noqa: PLC0415 - an extra
        from leveret.observe.traces.request_tracer import RequestTracer  # noqa: PLC0415 - an extra
    except ImportError as error:
        variable = settings.variable("TRACING")
        raise SettingsError([f"{variable}: OpenTelemetry is not installed: pip install 'leveret[tracing]'"]) from error
    with exporting(settings.name, worker) as tracer:
        yield RequestTracer(tracer)


@contextmanager
def recording(settings: Settings, worker: str) -> Iterator[Sequence[Observer]]:
    """Open the recorder of a worker, and note at the end of the block that the worker ended in good order.

    A recorder that cannot be opened is a warning in the log: the worker works without it.

    Args:
        settings: the settings.
        worker: the worker's name.
    """
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
