"""What is told when the management API fails half-way, or cannot even be asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from leveret.broker.granting import grant
from leveret.broker.management import Administrator, Management, ManagementAddress, ManagementTrouble
from leveret.broker.users import BrokerUser, Permissions

NOBODY = Permissions("^$", "^$", "^$")


class _Failing(BaseHTTPRequestHandler):
    """Knows no user, makes one, and fails at everything else."""

    def do_GET(self) -> None:
        self._answer(404, b"{}")

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/api/users/"):
            self._answer(201, b"")
        else:
            self._answer(400, b'{"reason": "no such vhost"}')

    def do_DELETE(self) -> None:
        self._answer(400, b'{"reason": "the disk is full"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Keep quiet."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def failing() -> Iterator[Management]:
    """A management API that fails after it made a user."""
    with HTTPServer(("127.0.0.1", 0), _Failing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = ManagementAddress.parse(f"http://127.0.0.1:{server.server_port}/")
            yield Management(address, Administrator("guest", "guest"))
        finally:
            server.shutdown()
            thread.join(10)


def test_a_user_that_cannot_be_removed_again_does_not_hide_why_it_was_to_be(failing: Management) -> None:
    with pytest.raises(ManagementTrouble) as caught:
        list(grant(failing, "nowhere", [BrokerUser("web", NOBODY)]))
    first, second = str(caught.value).split("; the user 'web' was made before that and could not be removed: ")
    assert first.endswith("no such vhost")
    assert second.endswith("the disk is full")


@pytest.mark.parametrize("host", ["a..b", f"{'a' * 70}.example"])
def test_what_cannot_be_the_name_of_a_host_is_refused_before_anybody_is_asked(host: str) -> None:
    with pytest.raises(ValueError, match="the host is not a name"):
        ManagementAddress.parse(f"http://{host}:1/")


def test_an_address_that_cannot_be_asked_is_told_like_one_that_does_not_answer() -> None:
    management = Management(ManagementAddress.parse("http://127.0.0.1:1/ä"), Administrator("guest", "guest"))
    with pytest.raises(ManagementTrouble, match="no answer from http://"):
        management.user_tags("web")


def test_names_and_passwords_that_are_no_text_are_told_and_not_shown() -> None:
    address = ManagementAddress.parse("http://127.0.0.1:1/")
    with pytest.raises(ManagementTrouble, match="is not UTF-8 text") as caught:
        Management(address, Administrator("guest", "hush\udcff"))
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(ManagementTrouble, match="is not UTF-8 text"):
        Management(address, Administrator("guest", "guest")).user_tags("\udcff")
