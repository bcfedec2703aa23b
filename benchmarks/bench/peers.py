"""Runs the peers: each is a file beside this package, and runs with the libraries of the peers' environment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.case import RunFailed, Usage
from bench.programs import Server, run_to_end, serving
from bench.queues import quorum_queue
from bench.rig import PEERS, Rig, peers_python
from leveret.broker.queues import remove_topology
from leveret.topology import Topology

SERVED: Final = {
    "seed_shape": "first version's shape",
    "leveret_peer": "leveret",
    "pika_peer": "pika",
    "aio_pika_peer": "aio-pika",
    "faststream_peer": "FastStream",
    "celery_peer": "Celery",
    "dramatiq_peer": "Dramatiq",
    "taskiq_peer": "taskiq",
    "nameko_peer": "nameko",
    "fastapi_peer": "FastAPI",
    "fastapi_job": "FastAPI, whole job",
}
"""Names of the files, and their names in tables."""


@dataclass(frozen=True, slots=True)
class ClientFigures:
    """The figures of a peer's own client, and its usage."""

    replies: int
    seconds: float
    p50_ms: float
    p99_ms: float
    usage: Usage

    @property
    def rate(self) -> float:
        """Replies per second."""
        return self.replies / self.seconds if self.seconds else 0.0


def exists(name: str) -> bool:
    """Return whether there is such a peer."""
    return peer_file(name).is_file()


def peer_file(name: str) -> Path:
    """Return the file of a peer."""
    return PEERS / f"{name}.py"


def command(name: str, *arguments: str) -> list[str]:
    """Return the command line of a peer."""
    return [peers_python(), str(peer_file(name)), *arguments]


@contextmanager
def working(rig: Rig, name: str, *further: str, how: str = "worker") -> Iterator[tuple[Server, str]]:
    """Run a peer's worker on a quorum queue of its own while the block runs; yield the worker and the queue's name."""
    with _queue(rig, name) as queue:
        output = rig.folder / f"{queue}.log"
        arguments = command(name, how, rig.broker.url, queue, *further)
        with serving(arguments, rig.environment, output) as server:
            server.wait_for("ready")
            yield server, queue


@contextmanager
def _queue(rig: Rig, name: str) -> Iterator[str]:
    queue = rig.new_name(name.removesuffix("_peer"))
    if name != "leveret_peer":
        with quorum_queue(rig.broker.url, queue):
            yield queue
        return
    # Our worker declares the queues of its API, whose names begin with this name.
    try:
        yield queue
    finally:
        asyncio.run(remove_topology(rig.broker.url, Topology(queue)))


def call(rig: Rig, name: str, server: Server, queue: str, *, count: int, in_flight: int) -> ClientFigures:
    """Make calls with a peer's own client.

    Raises:
        RunFailed: a reply was missing or wrong, or the client failed.
    """
    _, _, elsewhere = server.wait_for("ready").partition(" ")
    arguments = command(
        name, "client", elsewhere or rig.broker.url, queue, str(count), str(in_flight), "--warm-up", str(in_flight)
    )
    ended = run_to_end(arguments, rig.environment, limit=120.0)
    lines = ended.output.strip().splitlines()
    if ended.code != 0 or not lines:
        raise RunFailed(f"the client of {name} ended with {ended.code}: {ended.output}{ended.errors[-2000:]}")
    found = json.loads(lines[-1])
    if found["replies"] != count or found["wrong"]:
        raise RunFailed(f"{name} returned {found['replies']} of {count} replies, {found['wrong']} of them wrong")
    return ClientFigures(found["replies"], found["seconds"], found["p50_ms"], found["p99_ms"], ended.usage)


def versions(rig: Rig) -> dict[str, str]:
    """Return the versions of all libraries that the peers use."""
    found: dict[str, str] = {}
    for name in filter(exists, SERVED):
        ended = run_to_end(command(name, "versions"), rig.environment, limit=60.0)
        if ended.code == 0:
            found |= json.loads(ended.output)
    return dict(sorted(found.items()))
