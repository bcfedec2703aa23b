"""The pages of a command for machines: metrics and health."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Final

from leveret.errors import SettingsError
from leveret.observe.health import door_not_alive, not_alive, not_ready, not_started
from leveret.observe.http_counts import HttpCounts
from leveret.observe.pages import Page, Pages, text_page
from leveret.observe.reports import Reports

_UNAVAILABLE: Final = 503

PATIENCE_OF_LANES: Final = timedelta(minutes=2)
"""How long lanes may rest in one job where no watchdog says how long."""


def worker_pages(reports: Reports, application: str, version: str, watchdog: timedelta | None) -> Pages:
    """Return the pages of a command that runs workers.

    Args:
        reports: what its processes report.
        application: its name.
        version: its version; empty if it has none.
        watchdog: how long a job may take.

    Raises:
        SettingsError: prometheus-client is not installed.
    """
    patience = (watchdog or PATIENCE_OF_LANES).total_seconds()
    exposition = _exposition()
    metrics = exposition.WorkerMetrics(reports, application, version)
    return {
        "/metrics": lambda accept: exposition.metrics_page(metrics, accept),
        "/health/live": lambda _: health_page(not_alive(reports, patience)),
        "/health/ready": lambda _: health_page(not_ready(reports)),
        "/health/startup": lambda _: health_page(not_started(reports)),
    }


def door_pages(door: str, counts: HttpCounts, not_ready: Callable[[], list[str]]) -> Pages:
    """Return the pages of a door over HTTP.

    Args:
        door: ``console`` or ``gateway``.
        counts: what it has counted.
        not_ready: returns why it cannot do its work at present, one sentence for each reason.

    Raises:
        SettingsError: prometheus-client is not installed.
    """
    exposition = _exposition()
    metrics = exposition.DoorMetrics(door, counts, not_ready)
    return {
        "/metrics": lambda accept: exposition.metrics_page(metrics, accept),
        "/health/live": lambda _: health_page(door_not_alive(counts.still)),
        "/health/ready": lambda _: health_page(not_ready()),
        "/health/startup": lambda _: health_page([] if counts.started else ["it does not serve yet"]),
    }


def health_page(troubles: list[str]) -> Page:
    """Return a page with status 200 and ``ok``, or with status 503 and what is wrong, one line for each."""
    return text_page(troubles, status=_UNAVAILABLE) if troubles else text_page(["ok"])


def _exposition() -> ModuleType:
    try:
        from leveret.observe import exposition  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("prometheus_client"):
            raise
        raise SettingsError(["metrics need prometheus-client: pip install 'leveret[metrics]'"]) from None
    return exposition
