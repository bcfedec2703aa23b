"""A private broker as its users see it: it answers, survives a crash, shares the machine, leaves nothing behind."""

import base64
import contextlib
import json
import os
import signal
import socketserver
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pika
import pika.exceptions
import pytest

from leveret.devbroker import BrokerFailed, DevBroker, answers, node
from support.tcp_server import serving_in_thread
from testbed.waiting import processes_of, wait_until, wait_until_registered

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

START_A_NODE = """
import sys
from pathlib import Path
from leveret.devbroker import DevBroker
with DevBroker(Path(sys.argv[1])) as node:
    print("started", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def another_broker() -> Iterator[int]:
    """Listen on a free port and greet like a broker that is not ours."""
    payload = b"\x00\x0a\x00\x0a\x00\x09some other broker"
    greeting = b"\x01\x00\x00" + len(payload).to_bytes(4, "big") + payload + b"\xce"

    class Greet(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(8)
            self.request.sendall(greeting)

    with (
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greet) as server,
        serving_in_thread(server) as port,
    ):
        yield port


@contextlib.contextmanager
def channel_of(broker: DevBroker) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(broker.url))
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel
    finally:
        connection.close()


def send(broker: DevBroker, queue: str, body: bytes) -> None:
    with channel_of(broker) as channel:
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
        properties = pika.BasicProperties(delivery_mode=2)
        channel.basic_publish("", queue, body, properties, mandatory=True)


def take(broker: DevBroker, queue: str) -> bytes | None:
    with channel_of(broker) as channel:
        return channel.basic_get(queue, auto_ack=True)[2]


def listening_addresses(pids: list[int]) -> set[str]:
    """Return the local addresses on which the processes listen, as /proc/net writes them."""
    held = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            held |= {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir()}
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in held}


@pytest.fixture(scope="module")
def with_page() -> Iterator[DevBroker]:
    with DevBroker(management=True) as node:
        yield node


def test_the_management_page_answers_and_shows_the_node_by_its_name(with_page: DevBroker) -> None:
    assert with_page.management_url is not None
    request = urllib.request.Request(f"{with_page.management_url}api/overview")
    request.add_header("Authorization", "Basic " + base64.b64encode(b"guest:guest").decode())
    with urllib.request.urlopen(request, timeout=10) as response:
        assert json.load(response)["node"] == with_page.node_name


def test_rabbitmqs_own_tool_runs_on_the_node(with_page: DevBroker) -> None:
    assert "running" in with_page.control("eval", "rabbit:is_running() andalso running.")
    with pytest.raises(BrokerFailed, match=r"rabbitmqctl add_vhost_of_no_kind failed with \d+") as caught:
        with_page.control("add_vhost_of_no_kind", "hunter2")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(BrokerFailed, match=r"rabbitmqctl eval did not end within 0\.01 s"):
        with_page.control("eval", "ok.", limit=0.01)


@linux_only
def test_every_port_of_node_and_port_mapper_is_on_the_loopback_interface(with_page: DevBroker) -> None:
    addresses = listening_addresses(processes_of(with_page.folder))
    assert "0100007F" in addresses
    assert addresses <= {"0100007F", "00000000000000000000000001000000"}  # 127.0.0.1 and ::1


def test_a_confirmed_message_survives_a_crash_and_an_orderly_restart(private_broker: DevBroker, prefix: str) -> None:
    url, folder = private_broker.url, private_broker.folder
    send(private_broker, prefix, b"first")
    wait_until_registered(folder, prefix)
    private_broker.kill()
    assert not answers(url)
    private_broker.restart()
    assert (private_broker.url, private_broker.folder) == (url, folder)
    assert take(private_broker, prefix) == b"first"
    send(private_broker, prefix, b"second")
    private_broker.restart()
    assert take(private_broker, prefix) == b"second"


@linux_only
def test_nothing_is_left_when_a_node_is_stopped(tmp_path: Path) -> None:
    node = DevBroker(tmp_path)
    node.start()
    url, folder = node.url, node.folder
    assert node.pid in processes_of(folder)
    node.stop()
    node.stop()
    assert not answers(url)
    assert list(tmp_path.iterdir()) == []
    wait_until(lambda: not processes_of(folder), "the end of the node's helpers")


def test_nodes_that_start_at_the_same_time_do_not_disturb_each_other() -> None:
    with contextlib.ExitStack() as stack:
        nodes = [DevBroker() for _ in range(2)]
        for each in nodes:
            stack.callback(each.stop)
        with ThreadPoolExecutor() as threads:
            list(threads.map(DevBroker.start, nodes))
        assert len({each.url for each in nodes}) == 2
        send(nodes[0], "only-here", b"hello")
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="NOT_FOUND"), channel_of(nodes[1]) as channel:
            channel.queue_declare("only-here", passive=True)
        nodes[0].stop()
        assert answers(nodes[1].url)


@pytest.mark.parametrize("port", ["amqp", "distribution", "epmd"])
def test_a_node_takes_other_ports_when_another_program_was_faster(
    port: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    choose: Callable[[], dict[str, int]] = node.free_ports
    with another_broker() as taken:
        choices = iter([choose() | {port: taken}, choose()])
        monkeypatch.setattr(node, "free_ports", lambda: next(choices))
        with DevBroker(tmp_path) as broker:
            send(broker, "mine", b"hello")
            assert len(list(tmp_path.iterdir())) == 1  # the folder of the first attempt is gone


@linux_only
def test_a_node_ends_with_the_process_that_started_it_even_if_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", START_A_NODE, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        (folder,) = tmp_path.iterdir()
        assert len(processes_of(folder)) >= 2
        parent.kill()
    wait_until(lambda: not processes_of(folder), "the end of the orphaned node")


@linux_only
def test_nothing_is_left_when_the_start_is_interrupted(tmp_path: Path) -> None:
    environment = dict(os.environ, PYTHONFAULTHANDLER="")
    # A shell lets its background processes ignore Ctrl-C, and their children inherit that.
    heeding = f"import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n{START_A_NODE}"
    command = [sys.executable, "-c", heeding, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True) as parent:
        wait_until(lambda: len(processes_of(tmp_path)) >= 3, "the start of node and port mapper")
        parent.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in parent.communicate(timeout=20)[1]
    assert list(tmp_path.iterdir()) == []
    wait_until(lambda: not processes_of(tmp_path), "the end of the interrupted node")
