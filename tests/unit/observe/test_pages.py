"""The small server of pages, and the pages of a worker."""

import http.client
import os
import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from leveret.observe.page_set import worker_pages
from leveret.observe.pages import PageServer, text_page
from leveret.observe.reports import ProcessReport, Reports, WorkerState
from leveret.observe.totals import SECONDS, Spread, Totals

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
COUNTED = Totals(
    requests={"v1.greet": {"ok": 5, "retry": 2}, "-": {"letter": 1}},
    total=Spread((3, 2, *[0] * (len(SECONDS) - 1)), 0.01),
    reconnects=4,
)
REPORT = ProcessReport(
    pid=1, totals=COUNTED, state=WorkerState(consuming=True, in_hand=7, backlog=99), has_consumed=True, database=0.5
)


@pytest.fixture
def reports() -> Reports:
    found = Reports()
    found.put("one", REPORT)
    return found


@pytest.fixture
def server(reports: Reports) -> Iterator[PageServer]:
    with PageServer("127.0.0.1", 0, worker_pages(reports, "guestbook", "1.2", timedelta(minutes=1))) as running:
        yield running


def get(server: PageServer, path: str, *, accept: str = "*/*", method: str = "GET") -> tuple[int, str, str]:
    connection = http.client.HTTPConnection(server.address, timeout=10)
    try:
        connection.request(method, path, headers={"Accept": accept})
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], response.read().decode()
    finally:
        connection.close()


def test_a_client_that_knows_openmetrics_gets_it(server: PageServer) -> None:
    status, kind, text = get(server, "/metrics", accept=OPENMETRICS)
    assert status == 200
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")
    families = {family.name: family for family in read_openmetrics(text)}  # type: ignore[no-untyped-call]
    assert families["leveret_reconnects"].samples[0].value == 4


@pytest.mark.skipif(os.name != "posix", reason="on Windows the option would let two programs share a port")
def test_a_port_can_be_had_again_right_after_its_page_was_read() -> None:
    with PageServer("127.0.0.1", 0, {"/": lambda _: text_page(["yes"])}) as first:
        get(first, "/")  # the server closes the connection first, so its end stays in TIME_WAIT
        port = int(first.address.rpartition(":")[2])
    with PageServer("127.0.0.1", port, {}) as again, pytest.raises(OSError, match="in use"):
        PageServer("127.0.0.1", int(again.address.rpartition(":")[2]), {})


@pytest.mark.parametrize("accept", ["*/*", "", "text/plain", "text/html,application/xhtml+xml"])
def test_any_other_client_gets_the_text_format_of_prometheus(server: PageServer, accept: str) -> None:
    status, kind, text = get(server, "/metrics", accept=accept)
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    samples = {
        (sample.name, tuple(sorted(sample.labels.values()))): sample.value
        for family in read_text(text)
        for sample in family.samples
    }
    assert samples["leveret_requests_total", ("greet", "ok", "v1")] == 5
    assert samples["leveret_requests_total", ("-", "-", "letter")] == 1
    assert samples["leveret_requests_in_hand", ()] == 7
    assert samples["leveret_backlog_bytes", ()] == 99
    assert samples["leveret_request_seconds_bucket", ("0.001",)] == 3
    assert samples["leveret_request_seconds_bucket", ("0.0025",)] == 5
    assert samples["leveret_request_seconds_bucket", ("+Inf",)] == 5
    assert samples["leveret_application_info", ("1.2", "guestbook")] == 1


def test_health_is_200_with_ok_and_503_with_the_reasons(server: PageServer, reports: Reports) -> None:
    for page in ("live", "ready", "startup"):
        assert get(server, f"/health/{page}")[::2] == (200, "ok\n")
    reports.put("one", ProcessReport(pid=1, lanes_still=90.0))
    assert get(server, "/health/live")[::2] == (503, "process 1: no job has ended in its lanes for 90 s\n")
    assert get(server, "/health/ready")[0] == 503
    assert get(server, "/health/startup")[0] == 200


def test_another_path_is_answered_with_those_that_there_are(server: PageServer) -> None:
    status, _, text = get(server, "/")
    assert status == 404
    assert "/health/ready\n/health/startup\n/metrics\n" in text


def test_a_head_has_no_body_and_other_methods_are_refused(server: PageServer) -> None:
    assert get(server, "/health/live", method="HEAD")[::2] == (200, "")
    assert get(server, "/metrics", method="POST")[0] == 501


def test_a_page_that_fails_is_answered_with_500_and_the_server_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: str) -> None:
        raise ValueError("secret words")

    with PageServer("127.0.0.1", 0, {"/bad": fail, "/good": lambda _: text_page(["ok"])}) as server:  # type: ignore[dict-item]
        status, _, text = get(server, "/bad")
        assert status == 500
        assert "secret" not in text
        assert get(server, "/good")[0] == 200
    assert "the page /bad cannot be made" in caplog.text


def test_a_port_in_use_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        PageServer("127.0.0.1", taken.getsockname()[1], {})
