"""`taskmanager gateway`: a stop finishes what has begun, and loses nothing that was accepted."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from support.certificates import Certificate
from support.command import LIMIT, Commands, RunningCommand
from support.tls_proxy import tls_proxy
from testbed.waiting import wait_until

FORMS = {"rabbitmq": (), "direct": ("--direct",)}
BODY = b'{"title":"Kept"}'


class Caller:
    """Asks for a task on a connection of its own."""

    def __init__(self, gateway: RunningCommand, token: str, key: str) -> None:
        gateway.says("http://")
        address = urlsplit(re.findall(r"http://\S+", gateway.output)[0])
        self.place = str(address.hostname), address.port or 0
        self._socket = socket.create_connection(self.place, LIMIT)
        head = (
            "POST /api/v2/tasks/ HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(BODY)}\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n"
            "Expect: 100-continue\r\n\r\n"
        )
        self._socket.sendall(head.encode())
        assert self._socket.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n", "the request runs, and waits for its body"

    def send_body(self) -> None:
        self._socket.sendall(BODY)

    def answer(self) -> bytes:
        with closing(self._socket):
            return b"".join(iter(lambda: self._socket.recv(65536), b""))

    def is_refused(self) -> bool:
        """Whether a new connection is refused."""
        try:
            socket.create_connection(self.place, LIMIT).close()
        except ConnectionRefusedError:
            return True
        return False


@pytest.mark.parametrize("form", FORMS)
def test_a_gateway_that_stops_takes_nothing_new_and_answers_what_has_begun(commands: Commands, form: str) -> None:
    commands.worker()
    token = commands.log_in()
    gateway = commands.start("gateway", *FORMS[form], "--port", "0")
    caller = Caller(gateway, token, "kept")
    gateway.process.send_signal(signal.SIGTERM)
    wait_until(caller.is_refused, "the end of listening", limit=LIMIT)
    caller.send_body()
    assert caller.answer().startswith(b"HTTP/1.1 201 ")
    assert gateway.ends() == 0
    assert "Traceback" not in gateway.output
    assert [task["title"] for task in commands.call("list_tasks", token=token)] == ["Kept"]


def test_what_takes_longer_than_a_stop_may_is_asked_for_again_and_happens_once(commands: Commands) -> None:
    commands.worker()
    token = commands.log_in()
    gateways = {form: commands.start("gateway", *options, "--port", "0") for form, options in FORMS.items()}
    callers = [Caller(gateway, token, form) for form, gateway in gateways.items()]
    with closing(sqlite3.connect(commands.folder / "taskmanager.db")) as other:
        other.execute("BEGIN IMMEDIATE")  # every task waits for the end of this
        for caller in callers:
            caller.send_body()
        for gateway in gateways.values():
            gateway.process.send_signal(signal.SIGTERM)
        assert [gateway.ends() for gateway in gateways.values()] == [0, 0]
        for caller, gateway in zip(callers, gateways.values(), strict=True):
            assert not caller.answer().startswith(b"HTTP/1.1 2")
            assert "Traceback" not in gateway.output
    again = commands.start("gateway", "--port", "0")
    for form in FORMS:
        caller = Caller(again, token, form)
        caller.send_body()
        assert caller.answer().startswith(b"HTTP/1.1 201 ")
    assert len(commands.call("list_tasks", token=token)) == len(FORMS)


@pytest.mark.parametrize("behind_proxy", [False, True], ids=["own certificate", "behind a proxy"])
def test_over_https_the_addresses_of_problems_are_those_that_callers_use(
    commands: Commands, tmp_path: Path, behind_proxy: bool
) -> None:
    certificate = Certificate(tmp_path, "gateway.example")
    options = ("--behind-proxy",) if behind_proxy else certificate.options
    gateway = commands.start("gateway", "--direct", "--port", "0", *options)
    gateway.says("gateway of taskmanager: http")
    address = re.findall(r"https?://\S+", gateway.output)[0]
    assert address.startswith("http://" if behind_proxy else "https://")
    with ExitStack() as stack:
        port = urlsplit(address).port or 0
        if behind_proxy:
            port = stack.enter_context(tls_proxy(port, certificate.server, "192.0.2.7"))
        caller = stack.enter_context(httpx2.Client(verify=certificate.client))
        problem = caller.get(f"https://127.0.0.1:{port}/nowhere").json()
        assert problem["type"] == f"https://127.0.0.1:{port}/problems/unknown_path"
    assert gateway.stop() == 0
    assert ("192.0.2.7" in gateway.output) is False, "the text of the log holds no address"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--cert", "x.pem"), "--cert and --key belong together"),
        (("--cert", "x.pem", "--key", "x.pem", "--behind-proxy"), "leave --cert and --key out"),
        (("--cert", "/nowhere.pem", "--key", "/nowhere.pem"), "No such file or directory"),
        (("--host", "0.0.0.0"), "others can read tokens and passwords on their way"),
        (("--allow-origin", "app.example.com"), "--allow-origin: 'app.example.com' is not an origin"),
    ],
)
def test_a_gateway_that_would_be_unsafe_does_not_start(commands: Commands, options: tuple[str, ...], said: str) -> None:
    ended = commands.run("gateway", "--direct", "--port", "0", *options)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
