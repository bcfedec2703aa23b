"""What settings ask for: the observers of a worker, which are flight recorder and traces, and traces of redrives."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from leveret.errors import SettingsError
from leveret.observe import Observer
from leveret.observe.traces import RedriveSpans
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
        raise _not_installed(settings) from error
    with exporting(settings.name, worker) as tracer:
        yield RequestTracer(tracer)


@contextmanager
def redrive_tracing(settings: Settings, who: str) -> Iterator[RedriveSpans | None]:
    """Open what makes spans of letters that are sent again, if the settings ask for them; None if they do not.

    Spans that wait are sent at the end of the block.

    Args:
        settings: the settings.
        who: the name of the instance that sends letters.

    Raises:
        SettingsError: traces are wanted, and OpenTelemetry is not installed.
    """
    if not settings.tracing:
        yield None
        return
    try:
        from leveret.observe.traces.exporting import exporting  # noqa: PLC0415 - an extra
        from leveret.observe.traces.redrive_tracer import RedriveTracer  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise _not_installed(settings) from error
    with exporting(settings.name, who) as tracer:
        yield RedriveTracer(tracer)


def _not_installed(settings: Settings) -> SettingsError:
    variable = settings.variable("TRACING")
    return SettingsError([f"{variable}: OpenTelemetry is not installed: pip install 'leveret[tracing]'"])


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
