"""A private broker that keeps its folder: one at a time, at its own addresses, whatever has happened meanwhile."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from leveret.devbroker import BrokerFailed, BrokerRuns, LastingBroker, kept_url, running_node
from leveret.process.file_lock import FileLock


@pytest.fixture
def node(tmp_path: Path) -> Iterator[LastingBroker]:
    made = LastingBroker(tmp_path / "a folder", grace=2.0, moving=True)
    yield made
    made.stop()


def port(node: LastingBroker) -> int:
    return int(node.url.rpartition(":")[2].rstrip("/"))


def test_a_node_is_found_while_it_runs_keeps_its_address_and_moves_when_its_port_is_taken(
    node: LastingBroker, tmp_path: Path
) -> None:
    home = tmp_path / "a folder"
    assert running_node(home) is None
    assert kept_url(home) is None
    node.start()
    first, name = node.url, node.node_name
    found = running_node(home)
    assert found is not None
    assert (found.url, found.pid) == (first, os.getpid())
    with pytest.raises(BrokerRuns, match=rf"already \(process {os.getpid()}\)") as caught:
        LastingBroker(home).start()
    assert caught.value.pid == os.getpid()
    assert json.loads((home / "node.json").read_text())["version"][0].isdigit()
    node.stop()
    assert running_node(home) is None
    assert kept_url(home) == first

    with socket.socket() as other:
        other.bind(("127.0.0.1", port(node)))
        other.listen()
        assert running_node(home) is None, "another program at the port is not the node"
        node.start()
    assert node.url != first
    assert node.node_name == name
    assert kept_url(home) == node.url
    assert (home / "node.before.log").exists()


def test_a_folder_that_cannot_be_used_is_told_and_left_alone(node: LastingBroker, tmp_path: Path) -> None:
    home = tmp_path / "a folder"
    home.mkdir()
    (home / "node.json").write_text("{}")
    with pytest.raises(BrokerFailed, match=r"node\.json cannot be used: .*Remove .*a folder"):
        node.start()
    assert running_node(home) is None
    assert kept_url(home) is None
    assert (home / "node.json").read_text() == "{}"
    lock = FileLock(home / "node.lock")
    assert lock.acquire(), "a start that has failed gives the folder back"
    lock.release()


def test_data_of_another_version_is_named_when_the_node_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "node"
    node = LastingBroker(home)
    (tmp_path / "broken").write_text("#!/bin/sh\necho cannot read this data\nexit 1\n")
    (tmp_path / "broken").chmod(0o755)
    monkeypatch.setenv("RABBITMQ_SERVER", str(tmp_path / "broken"))
    home.mkdir()
    ports = dict.fromkeys(("amqp", "distribution", "management", "prometheus"), 0)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        ports["epmd"] = probe.getsockname()[1]
    (home / "node.json").write_text(json.dumps({"name": "n@localhost", "ports": ports, "version": "9.9.9"}))
    with pytest.raises(BrokerFailed, match=r"cannot read this data(.|\n)*last used by RabbitMQ 9\.9\.9.*remove"):
        node.start()
    lock = FileLock(home / "node.lock")
    assert lock.acquire()
    lock.release()
