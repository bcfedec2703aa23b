"""The whole application on a real RabbitMQ, with a carrier's service on the same machine."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from leveret.testing import TestClient
from orders import app


class Service(ThreadingHTTPServer):
    """A carrier's service that fails the first time, and makes one label for one key."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.labels: dict[str, str] = {}
        self.requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        key = self.headers["Idempotency-Key"]
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["order"]
        self.server.requests += 1
        if self.server.requests == 1:
            self.send_error(503)
            return
        tracking = self.server.labels.setdefault(key, f"T-{order}")
        body = json.dumps({"tracking": tracking}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name of http.server
        """Keep the test's output free of access lines."""


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    thread = threading.Thread(target=service.serve_forever)
    thread.start()
    yield service
    service.shutdown()
    thread.join()
    service.server_close()


def test_an_order_is_shipped_although_the_carrier_fails_at_first(service: Service) -> None:
    with TestClient(app, real=True, settings={"CARRIER_URL": service.url}) as client:
        client.call("add_stock", {"product": "tea", "amount": 1})
        client.call("place_order", {"product": "tea"})
        shipped = client.call("ship_order", {"number": 1}, id="ship", timeout=30)
        assert shipped["tracking"] == "T-1"
        assert client.call("ship_order", {"number": 1}, id="ship") == shipped
    assert (service.requests, service.labels) == (2, {'"order-1"': "T-1"})
