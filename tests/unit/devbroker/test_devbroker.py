"""The environment and configuration of a private broker, and what counts as a broker, without a running one."""

import contextlib
import socket
import socketserver
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from leveret.devbroker import BrokerFailed, BrokerMissing, DevBroker, answers
from leveret.devbroker.installation import configuration, epmd_program, node_environment, server_script
from leveret.devbroker.node import PORT_NAMES, free_ports, new_name
from support.tcp_server import serving_in_thread
from testbed.waiting import is_alive

PORTS = {"amqp": 1, "distribution": 2, "epmd": 3, "management": 4, "prometheus": 5}
START = b"\x00\x0a\x00\x0a\x00\x09\x00\x00\x00\x00"


@pytest.fixture(autouse=True)
def no_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let these tests name their own scripts in RABBITMQ_SERVER."""
    monkeypatch.delenv("RABBITMQ_SERVER_ROOT", raising=False)


@contextlib.contextmanager
def peer(reply: bytes, seen: list[bytes] | None = None) -> Iterator[int]:
    """Listen on a free port, answer each connection with the bytes, and close it."""

    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            received = self.request.recv(8)
            if seen is not None:
                seen.append(received)
            self.request.sendall(reply)

    with socketserver.TCPServer(("127.0.0.1", 0), Answer) as server, serving_in_thread(server) as port:
        yield port


def frame(payload: bytes, *, kind: int = 1, channel: int = 0) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def test_whoever_starts_the_handshake_counts_as_a_broker() -> None:
    seen: list[bytes] = []
    with peer(frame(START), seen) as port:
        assert answers(f"amqp://guest:guest@127.0.0.1:{port}/")
    assert seen == [b"AMQP\x00\x00\x09\x01"]


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"AMQP\x00\x00\x09\x01",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        frame(START)[:9],
        frame(START, kind=8),
        frame(START, channel=1),
        frame(b"\x00\x0a\x00\x32rest"),
        struct.pack(">BHI", 1, 0, 1 << 30),
    ],
    ids=["silence", "other version", "http", "cut short", "heartbeat", "wrong channel", "connection.close", "huge"],
)
def test_an_open_port_alone_is_not_a_broker(reply: bytes) -> None:
    with peer(reply) as port:
        assert not answers(f"amqp://127.0.0.1:{port}/", limit=2)


def test_tls_is_spoken_to_an_amqps_address() -> None:
    seen: list[bytes] = []
    with peer(b"", seen) as port:
        assert not answers(f"amqps://127.0.0.1:{port}/", limit=2)
    assert seen[0][:2] == b"\x16\x03"  # a TLS handshake record, RFC 8446 section 5.1


@pytest.mark.parametrize("url", ["", "nonsense", "http://127.0.0.1:5672/", "amqp://127.0.0.1:99999/"])
def test_an_address_that_is_none_does_not_answer(url: str) -> None:
    assert not answers(url)


def test_nobody_answers_at_a_port_where_nobody_listens() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        assert not answers(f"amqp://127.0.0.1:{held.getsockname()[1]}/")


def test_the_settings_of_another_broker_do_not_reach_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RABBITMQ_NODENAME", "production@db1")
    monkeypatch.setenv("RABBITMQ_USE_LONGNAME", "true")
    monkeypatch.setenv("ERL_FLAGS", "-sname other")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    environment = node_environment(Path("/folder"), "mine@localhost", PORTS)
    assert environment["RABBITMQ_NODENAME"] == "mine@localhost"
    assert {"RABBITMQ_USE_LONGNAME", "ERL_FLAGS", "NOTIFY_SOCKET"}.isdisjoint(environment)


def test_everything_that_the_node_writes_is_in_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    environment = node_environment(Path("/folder"), "mine@localhost", PORTS)
    paths = {k: v for k, v in environment.items() if k == "HOME" or (k.startswith("RABBITMQ_") and "/" in v)}
    assert len(paths) >= 9
    assert all(path.startswith("/folder") for path in paths.values()), paths


def test_without_the_management_page_no_plugin_is_loaded() -> None:
    assert configuration(PORTS, management=False)["enabled_plugins"] == "[].\n"


def test_with_the_management_page_every_listener_is_on_the_loopback_interface() -> None:
    files = configuration(PORTS, management=True)
    assert files["enabled_plugins"] == "[rabbitmq_management,rabbitmq_prometheus].\n"
    settings = dict(line.split(" = ") for line in files["rabbitmq.conf"].splitlines())
    assert settings["listeners.tcp.1"] == "127.0.0.1:1"
    assert [settings[f"{page}.tcp.ip"] for page in ("management", "prometheus")] == ["127.0.0.1"] * 2
    assert [settings[f"{page}.tcp.port"] for page in ("management", "prometheus")] == ["4", "5"]


def test_the_ports_of_a_node_are_different_ones() -> None:
    ports = free_ports()
    assert set(ports) == set(PORT_NAMES)
    assert len(set(ports.values())) == len(PORT_NAMES)


def test_no_two_nodes_have_one_name() -> None:
    assert len({new_name() for _ in range(100)}) == 100


def test_a_named_server_script_is_taken_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "rabbitmq-server"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setenv("RABBITMQ_SERVER", str(script))
    assert server_script() == str(script)


def test_without_rabbitmq_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("ERLANG_HOME", raising=False)
    monkeypatch.delenv("RABBITMQ_SERVER", raising=False)
    monkeypatch.setattr("leveret.devbroker.installation.SCRIPT_FOLDERS", (str(tmp_path),))
    for look_up in (server_script, epmd_program):
        with pytest.raises(BrokerMissing, match=r"apt-get install rabbitmq-server[\s\S]*amqp://guest:guest@"):
            look_up()


def test_a_node_that_is_not_started_says_so() -> None:
    node = DevBroker()
    for ask in (lambda: node.folder, lambda: node.log_path, lambda: node.pid, node.restart):
        with pytest.raises(BrokerFailed, match="not started"):
            ask()
    node.stop()
    node.kill()


def test_a_node_that_dies_at_once_is_reported_with_what_it_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "rabbitmq-server"
    script.write_text("#!/bin/sh\necho no such thing as erlang\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setenv("RABBITMQ_SERVER", str(script))
    within = tmp_path / "within"
    within.mkdir()
    with pytest.raises(BrokerFailed, match=r"ended while it started[\s\S]*no such thing as erlang"):
        DevBroker(within).start()
    assert list(within.iterdir()) == []


def test_a_node_that_stays_silent_is_given_up_and_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "rabbitmq-server"
    pid_file = tmp_path / "pid"
    script.write_text(f"#!/bin/sh\necho $$ > {pid_file}\nexec sleep 600\n")
    script.chmod(0o755)
    monkeypatch.setenv("RABBITMQ_SERVER", str(script))
    with pytest.raises(BrokerFailed, match=r"did not answer within 0\.5 s"):
        DevBroker(tmp_path, limit=0.5).start()
    assert not is_alive(int(pid_file.read_text()))
