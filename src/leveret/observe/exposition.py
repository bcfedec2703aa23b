"""The page of metrics, in the text formats of Prometheus and OpenMetrics. Needs the extra ``metrics``.

``docs/operate/metrics.md`` lists all of them; a test compares both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from leveret.observe.counters import MEASURED, ONE_OF
from leveret.observe.http_counts import HttpCounts
from leveret.observe.pages import Page
from leveret.observe.reports import KnownProcess, Reports
from leveret.observe.totals import SECONDS, SIZES, Spread, Totals

_SAMPLE: Final = (
    f"of the first {MEASURED} requests of a process in each second, "
    f"and of one in {ONE_OF} of the further ones, which counts {ONE_OF} times"
)
"""Says on the page of which requests the parts are measured."""


class WorkerMetrics:
    """Makes the metrics of all worker processes of a command; a collector, as prometheus-client names it.

    Args:
        reports: what the processes report.
        application: its name.
        version: its version; empty if it has none.
    """

    def __init__(self, reports: Reports, application: str, version: str) -> None:
        self._reports = reports
        self._about = {"application": application, "version": version}

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with its values now."""
        totals, processes = self._reports.totals(), self._reports.processes()
        about = GaugeMetricFamily("leveret_application_info", "Which application runs", labels=list(self._about))
        about.add_metric(list(self._about.values()), 1)
        yield about
        yield _requests(totals)
        yield from _histograms(totals)
        yield CounterMetricFamily(
            "leveret_reconnects", "Connections to the broker that were opened again", value=totals.reconnects
        )
        yield from _gauges(processes, self._reports.expected)


class DoorMetrics:
    """Makes the metrics of a door over HTTP; a collector, as prometheus-client names it.

    Args:
        door: ``console`` or ``gateway``.
        counts: what it has counted.
        not_ready: returns why it cannot do its work at present.
    """

    def __init__(self, door: str, counts: HttpCounts, not_ready: Callable[[], list[str]]) -> None:
        self._door = door
        self._counts = counts
        self._not_ready = not_ready

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with its values now."""
        totals, door = self._counts.totals(), self._door
        labels = ["door", "route", "method", "status"]
        found = CounterMetricFamily("leveret_http_requests", "HTTP requests that were answered", labels=labels)
        for key, count in sorted(totals.requests.items()):
            found.add_metric([door, *key], count)
        yield found
        words = "From the arrival of an HTTP request until its answer is sent; streams of events are left out"
        spreads = HistogramMetricFamily("leveret_http_request_seconds", words, labels=["door", "route"])
        for route, spread in sorted(totals.seconds.items()):
            spreads.add_metric([door, route], _buckets(SECONDS, spread), spread.sum)
        yield spreads
        for name, words, value in (
            ("http_requests_running", "HTTP requests that run now", totals.running),
            ("http_ready", "1 if the door can do its work at present, 0 if not", float(not self._not_ready())),
        ):
            gauge = GaugeMetricFamily(f"leveret_{name}", words, labels=["door"])
            gauge.add_metric([door], value)
            yield gauge


def metrics_page(metrics: WorkerMetrics | DoorMetrics, accept: str) -> Page:
    """Return the page in the format that a client accepts: OpenMetrics, or else the text format of Prometheus."""
    encode, content_type = choose_encoder(accept)
    return Page(encode(metrics), content_type)


def _requests(totals: Totals) -> Metric:
    found = CounterMetricFamily(
        "leveret_requests", "Deliveries that were settled", labels=["action", "version", "outcome"]
    )
    for name, outcomes in sorted(totals.requests.items()):
        version, dot, action = name.partition(".")
        for outcome, count in sorted(outcomes.items()):
            found.add_metric([action if dot else name, version if dot else "-", outcome], count)
    return found


def _histograms(totals: Totals) -> Iterator[Metric]:
    durations = (
        ("request_waiting", f"From the arrival of a request at the worker to its beginning; {_SAMPLE}", totals.waiting),
        ("request_handling", f"How long actions take; {_SAMPLE}", totals.handling),
        ("request_commit", f"From the end of an action to its commit; {_SAMPLE}", totals.commit),
        ("request", "From the arrival of a request at the worker until its outcome is safe", totals.total),
    )
    for name, words, spread in durations:
        yield _histogram(f"leveret_{name}_seconds", words, SECONDS, spread)
    yield _histogram("leveret_batch_requests", "How many requests a lane takes at once", SIZES, totals.batches)


def _histogram(name: str, words: str, bounds: Iterable[float], spread: Spread) -> Metric:
    return HistogramMetricFamily(name, words, buckets=_buckets(bounds, spread), sum_value=spread.sum)


def _buckets(bounds: Iterable[float], spread: Spread) -> list[tuple[str, float]]:
    limits = [*map(str, map(float, bounds)), "+Inf"]
    return list(zip(limits, map(float, accumulate(spread.counts)), strict=True))


def _gauges(processes: list[KnownProcess], expected: int) -> Iterator[Metric]:
    reports = [known.report for known in processes]
    states = [report.state for report in reports]
    values: tuple[tuple[str, str, float], ...] = (
        ("processes_expected", "Worker processes that should run", expected),
        ("processes", "Worker processes that run", len(states)),
        ("processes_consuming", "Worker processes that take requests", sum(state.consuming for state in states)),
        (
            "processes_blocked",
            "Worker processes that may not publish: an alarm",
            sum(state.blocked for state in states),
        ),
        ("requests_in_hand", "Requests that the processes hold", sum(state.in_hand for state in states)),
        ("requests_in_hand_limit", "Requests that the processes may hold", sum(state.prefetch for state in states)),
        ("lanes", "Lanes, each with a database connection", sum(state.lanes for state in states)),
        ("lanes_busy", "Lanes that run something", sum(state.lanes_busy for state in states)),
        ("work_waiting_seconds", "How long the lanes need for what is ready", _longest(processes)),
        ("backlog_bytes", "Bytes of responses that the broker has not confirmed", sum(each.backlog for each in states)),
    )
    for name, words, value in values:
        yield GaugeMetricFamily(f"leveret_{name}", words, value=value)


def _longest(processes: list[KnownProcess]) -> float:
    return max((known.report.work_waiting for known in processes), default=0.0)
