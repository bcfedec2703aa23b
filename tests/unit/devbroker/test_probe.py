"""When a management page works: RabbitMQ 4.3 opens its port a moment before that, and answers 500."""

import http.server
import socketserver

import pytest

from leveret.devbroker.probe import shows_page
from support.tcp_server import serving_in_thread


def page_that_answers(status: int) -> socketserver.TCPServer:
    """Make a server on a free port that answers each request with this status."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    return http.server.HTTPServer(("127.0.0.1", 0), Page)


@pytest.mark.parametrize(("status", "works"), [(200, True), (401, True), (500, False), (503, False)])
def test_a_page_works_when_it_answers_or_refuses_and_not_while_it_has_a_problem_of_its_own(
    status: int, works: bool
) -> None:
    with page_that_answers(status) as page, serving_in_thread(page) as port:
        assert shows_page("127.0.0.1", port, "guest", "guest") is works


def test_a_page_does_not_work_where_nobody_answers() -> None:
    with page_that_answers(200) as page:
        port = page.server_address[1]
    assert shows_page("127.0.0.1", port, "guest", "guest") is False
