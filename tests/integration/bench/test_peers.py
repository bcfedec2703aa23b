"""The benchmark's peers whose libraries are here, as the benchmark runs them: worker and client, a process each."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from leveret.topology import Topology
from support.serving import LIMIT, Broker, calling

PEERS = Path(__file__).resolve().parents[3] / "benchmarks" / "peers"


@contextmanager
def working(peer: str, *arguments: str) -> Iterator[None]:
    """Run a peer's worker, from its line `ready` on."""
    command = [sys.executable, str(PEERS / f"{peer}.py"), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.terminate()
            process.wait(LIMIT)


@pytest.mark.parametrize(
    ("peer", "worker"),
    [
        ("pika_peer", "worker"),
        ("aio_pika_peer", "worker"),
        ("aio_pika_peer", "worker-confirmed"),
        ("leveret_peer", "worker"),
    ],
)
async def test_a_client_gets_every_reply_of_its_worker(broker: Broker, prefix: str, peer: str, worker: str) -> None:
    async with calling(broker.url, Topology(prefix)):
        queue = prefix if peer == "leveret_peer" else Topology(prefix).requests
        with working(peer, worker, broker.url, queue):
            command = [sys.executable, str(PEERS / f"{peer}.py"), "client", broker.url, queue, "50", "8"]
            said = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=LIMIT)
    assert said.returncode == 0, said.stderr
    figures = json.loads(said.stdout)
    assert (figures["replies"], figures["wrong"], figures["in_flight"]) == (50, 0, 8)
