"""What do metrics and the flight recorder cost a worker that works: one worker, for which they are switched on and off.

    PYTHONPATH=benchmarks python -m switching [--seconds N] [--interval N] [--only NAME]

A real worker of the Task Manager runs in this process, on SQLite and a private RabbitMQ, and gets `create_task` with 64
requests in flight from the load generator in C. Its observer is switched on and off every some milliseconds. Printed
is what it costs in processor time of this process for each request: the mean of all neighbours, and the interval in
which the true mean lies with 95 %. Two workers side by side differ by more than that although they are equal, because
each process has its own places in memory. "nothing" switches nothing: it shows how exact the figures are.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Final

import uvloop

from bench.databases import new_database
from bench.load import Address, Answers, Demand, ask
from bench.queues import api_queues
from bench.rig import Rig
from bench.rigging import rigged
from leveret.observe import Observer, Observers
from leveret.observe.counters import Counters
from leveret.observe.recorder import FlightRecorder
from leveret.process.garbage import live_long
from leveret.settings import Settings
from leveret.topology import Topology
from leveret.worker import Worker
from taskmanager.actions import app

IN_FLIGHT: Final = 64
CUT: Final = 0.1
"""The share of differences that are left out at each end: other programs disturbed them."""


class Switch:
    """Switches the observers of a worker on and off."""

    def __init__(self, observers: Observers) -> None:
        self._observers = observers
        self._parts = observers.active, observers.sampler, observers._chosen

    def put(self, *, on: bool) -> None:
        """Switch; what was chosen before is forgotten, because its end was not observed."""
        observers = self._observers
        if isinstance(self._parts[1], Counters):
            self._parts[1].chosen.clear()
        parts = self._parts if on else ((), None, {})
        observers.active, observers.sampler, observers._chosen = parts


def measure(rig: Rig, make: Callable[[], Sequence[Observer]], seconds: float, interval: float) -> list[float]:
    """Return the differences in microseconds for each request, one for each four intervals: on, off, off, on."""
    with new_database(rig, "sqlite") as database, api_queues(rig.broker.url, Topology(rig.new_name("api"))) as topology:
        given = {"TASKMANAGER_AMQP_URL": rig.broker.url, "TASKMANAGER_QUEUE_PREFIX": topology.prefix}
        settings = app.defaults.updated({**given, **database.variables})
        to = Address(exchange=topology.exchange, routing_key=topology.requests, token=database.token)
        send = partial(ask, rig, to, Demand(seconds=seconds, in_flight=IN_FLIGHT, prefix="switching"))
        live_long()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(serve(settings, make(), send, seconds, interval))


async def serve(
    settings: Settings, observers: Sequence[Observer], send: Callable[[], Answers], seconds: float, interval: float
) -> list[float]:
    """Run a worker under load, and switch its observers."""
    async with app.worker(settings, "measured", observers=observers) as worker:
        running = asyncio.create_task(worker.run())
        await worker.consuming.wait()
        load = asyncio.create_task(asyncio.to_thread(send))
        found = await differences(worker, seconds, interval)
        await load
        worker.stop()
        await running
    return found


async def differences(worker: Worker[Any], seconds: float, interval: float) -> list[float]:
    """Switch until the load ends, and compare."""
    switch, found = Switch(worker._observers), list[float]()
    await asyncio.sleep(1)
    until = time.monotonic() + seconds - 2
    while time.monotonic() < until:
        costs: dict[bool, list[float]] = {True: [], False: []}
        for on in (True, False, False, True):
            switch.put(on=on)
            costs[on].append(await cost(worker, interval))
        found.append(sum(costs[True]) / 2 - sum(costs[False]) / 2)
    switch.put(on=False)
    return found


async def cost(worker: Worker[Any], interval: float) -> float:
    """Return microseconds of processor time for each request in the next interval."""
    began, before = time.process_time(), worker.state().progress
    await asyncio.sleep(interval)
    return (time.process_time() - began) / max(worker.state().progress - before, 1) * 1e6


def mean_of(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean without the outermost values, and half of the interval in which the true one lies with 95 %."""
    left_out = int(len(values) * CUT)
    kept = sorted(values)[left_out : len(values) - left_out]
    return statistics.mean(kept), 2 * statistics.stdev(kept) / (1 - 2 * CUT) / len(values) ** 0.5


def main() -> None:
    """Measure, and print a line for each observer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each observer is measured")
    parser.add_argument("--interval", type=float, default=0.05, help="seconds between two switches")
    parser.add_argument("--only", choices=("nothing", "metrics", "flight recorder"), help="measure one of them")
    given = parser.parse_args()
    names = [f"{action.version}.{action.name}" for action in app]
    with rigged() as rig, closing(FlightRecorder("bench", "measured", folder=rig.folder / "recordings")) as recorder:
        ways: dict[str, Callable[[], Sequence[Observer]]] = {
            "nothing": list,
            "metrics": lambda: [Counters(names, names_held=False)],
            "flight recorder": lambda: [recorder],
        }
        for name, make in ways.items():
            if given.only not in (None, name):
                continue
            mean, error = mean_of(measure(rig, make, given.seconds, given.interval))
            print(f"{name}: {mean:.2f} us a request, exact to {error:.2f} us", flush=True)


if __name__ == "__main__":
    main()
