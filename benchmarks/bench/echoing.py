"""Workers that answer with the request itself, for the cases without a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bench.load import Address, Answers, Demand, ask
from bench.peers import working
from bench.programs import Server, serving
from bench.queues import quorum_queue, wait_for_consumers
from bench.rig import Rig
from leveret.topology import Topology

NATIVE = "C"
CONFIRMED = "aio_pika_peer confirmed"


@dataclass(frozen=True, slots=True)
class Echo:
    """A worker that answers with the request, and the address of its requests."""

    rig: Rig
    server: Server
    address: Address

    @property
    def roots(self) -> dict[str, int]:
        """The first process of each kind."""
        return {"worker": self.server.pid, "broker": self.rig.broker.pid}

    def ask(self, demand: Demand) -> Answers:
        """Send requests from the load generator."""
        return ask(self.rig, self.address, replace(demand, action="echo"))


@contextmanager
def echoing(rig: Rig, who: str) -> Iterator[Echo]:
    """Run the worker in C, or the worker of a peer, while the block runs."""
    if who == NATIVE:
        with _native(rig) as echo:
            yield echo
        return
    name, _, confirmed = who.partition(" ")
    with working(rig, name, how="worker-confirmed" if confirmed else "worker") as (server, queue):
        yield Echo(rig, server, _address(name, queue))


def _address(name: str, queue: str) -> Address:
    if name == "leveret_peer":
        topology = Topology(queue)
        return Address(exchange=topology.exchange, routing_key=topology.requests)
    return Address(routing_key=queue)


@contextmanager
def _native(rig: Rig) -> Iterator[Echo]:
    with quorum_queue(rig.broker.url, rig.new_name("native")) as queue:
        command = [str(rig.program), str(rig.port), "echo", queue]
        with serving(command, rig.environment, rig.folder / f"{queue}.log") as server:
            wait_for_consumers(rig.broker.url, queue, 1)
            yield Echo(rig, server, Address(routing_key=queue))
