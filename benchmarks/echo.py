"""Echo over RabbitMQ: our driver and aio-pika side by side, in one run, under the same load.

    python benchmarks/echo.py [AMQP_URL] [--count N] [--in-flight N] [--rounds N]

Each worker is a process of its own with uvloop and a prefetch of 200, and answers each request of a quorum queue with
its own body, as a persistent message. "bare" sends the reply and the ack and hopes; "confirmed" publishes on a second
connection and acks once the broker has confirmed the reply. aio-pika is used as its documentation shows it: a robust
connection, one callback for each message, `message.process()`. "C" is a worker on librabbitmq: what the broker lets
anyone reach. The load comes from `load.c`; it knows only guest on 127.0.0.1 and the vhost "/", so the URL has to name
such a broker; without one a private RabbitMQ node is started. Rounds are interleaved.

With few requests in flight (64, say) our worker waits for the broker, a worker in C is no faster, and the ratio shows
the broker's latency; with 256 it shows the drivers.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import secrets
import statistics
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path

import aio_pika
import uvloop
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from loading import compile_load, run_load
from warren.amqp import Address, Channel, Connection, Delivery, Message, Properties
from warren.devbroker import DevBroker

PREFETCH = 200
KINDS = ("C", "warren bare", "aio-pika bare", "warren confirmed", "aio-pika confirmed")


def reply_to(delivery: Delivery) -> Message:
    properties = Properties(correlation_id=delivery.properties.correlation_id, delivery_mode=2)
    return Message(delivery.body, delivery.properties.reply_to or "", properties=properties)


async def warren_bare(url: str, queue: str) -> None:
    """Replies and one ack for all of them, in one write."""
    channel = await (await Connection.open(url, name="echo")).channel()

    def answer(batch: list[Delivery]) -> None:
        channel.publish_batch([reply_to(delivery) for delivery in batch])
        channel.ack(batch[-1].delivery_tag, multiple=True)

    await channel.qos(PREFETCH)
    await channel.consume(queue, answer)
    print("ready", flush=True)
    await channel.closed


class Acks:
    """Acks deliveries in their order, as far as the replies to them are confirmed."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._waiting: deque[tuple[asyncio.Future[list[Exception | None]], int]] = deque()

    def when(self, confirmed: asyncio.Future[list[Exception | None]], last: int) -> None:
        self._waiting.append((confirmed, last))
        confirmed.add_done_callback(self._settle)

    def _settle(self, _confirmed: object) -> None:
        last = 0
        while self._waiting and self._waiting[0][0].done():
            future, last = self._waiting.popleft()
            for problem in filter(None, future.result()):
                raise problem
        if last:
            self._channel.ack(last, multiple=True)


async def warren_confirmed(url: str, queue: str) -> None:
    """Replies through a second connection; the ack when the broker has them."""
    channel = await (await Connection.open(url, name="echo")).channel()
    replies = await (await Connection.open(url, name="echo replies")).channel(confirms=True)
    acks = Acks(channel)

    def answer(batch: list[Delivery]) -> None:
        confirmed = replies.publish_batch([reply_to(delivery) for delivery in batch])
        acks.when(confirmed, batch[-1].delivery_tag)  # type: ignore[arg-type]  # a list of errors is one of exceptions

    await channel.qos(PREFETCH)
    await channel.consume(queue, answer)
    print("ready", flush=True)
    await channel.closed


async def aio_pika_worker(url: str, queue: str, *, confirmed: bool) -> None:
    """One task a message, as the library does it."""
    connection = await aio_pika.connect_robust(url)
    channel = await connection.channel(publisher_confirms=False)
    publishing = await (await aio_pika.connect_robust(url)).channel(publisher_confirms=True) if confirmed else channel
    exchange: AbstractExchange = publishing.default_exchange

    async def answer(message: AbstractIncomingMessage) -> None:
        async with message.process():
            reply = aio_pika.Message(
                message.body,
                correlation_id=message.correlation_id,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            )
            await exchange.publish(reply, message.reply_to or "", mandatory=False)

    await channel.set_qos(PREFETCH)
    await (await channel.get_queue(queue)).consume(answer)
    print("ready", flush=True)
    await asyncio.Event().wait()


async def work(kind: str, url: str, queue: str) -> None:
    library, how = kind.split()
    if library == "aio-pika":
        await aio_pika_worker(url, queue, confirmed=how == "confirmed")
    else:
        await (warren_confirmed if how == "confirmed" else warren_bare)(url, queue)


@contextmanager
def worker(kind: str, url: str, queue: str, load: Path) -> Iterator[None]:
    """A worker process that consumes."""
    if kind == "C":
        with native_worker(load, url, queue):
            yield
        return
    process = subprocess.Popen([sys.executable, __file__, url, "--worker", kind, queue], stdout=subprocess.PIPE)
    try:
        if process.stdout is None or process.stdout.readline().strip() != b"ready":
            raise SystemExit(f"the worker {kind} did not start")
        yield
    finally:
        process.kill()
        process.communicate()


@contextmanager
def native_worker(load: Path, url: str, queue: str) -> Iterator[None]:
    """The load generator's own worker; what comes before it consumes waits in the queue."""
    process = subprocess.Popen([load, str(Address.parse(url).port), "echo", queue])
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def make_queue(url: str, queue: str) -> None:
    connection = await Connection.open(url)
    await (await connection.channel()).declare_queue(queue, arguments={"x-queue-type": "quorum"})
    await connection.close()


async def drop_queue(url: str, queue: str) -> None:
    connection = await Connection.open(url)
    await (await connection.channel()).delete_queue(queue)
    await connection.close()


def measure(options: argparse.Namespace, kind: str, queue: str) -> float:
    """Replies per second of one round."""
    port = str(Address.parse(options.url).port)
    arguments = [port, "", queue, str(options.count), str(options.in_flight)]
    with worker(kind, options.url, queue, options.load):
        return run_load(options.load, kind, arguments)


def compare(options: argparse.Namespace) -> None:
    """All rounds, then the table."""
    queue = f"echo.{secrets.token_hex(4)}"
    asyncio.run(make_queue(options.url, queue))
    figures: dict[str, list[float]] = {kind: [] for kind in KINDS}
    try:
        for number in range(options.rounds):
            print(f"round {number + 1}")
            for kind in KINDS:
                figures[kind].append(measure(options, kind, queue))
    finally:
        asyncio.run(drop_queue(options.url, queue))
    medians = {kind: statistics.median(rates) for kind, rates in figures.items()}
    print(f"\n{options.count} requests, {options.in_flight} in flight, median of {options.rounds} rounds, replies/s")
    print(f"  {'C, bare':10} {medians['C']:7.0f}")
    for how in ("bare", "confirmed"):
        ours, theirs = medians[f"warren {how}"], medians[f"aio-pika {how}"]
        print(f"  {how:10} warren {ours:7.0f}   aio-pika {theirs:7.0f}   ratio {ours / theirs:.1f}")
    libraries = ", ".join(f"{name} {version(name)}" for name in ("aio-pika", "aiormq", "pamqp", "msgspec", "uvloop"))
    print(f"  Python {platform.python_version()}, {libraries}, RabbitMQ {asyncio.run(broker_version(options.url))}")


async def broker_version(url: str) -> str:
    connection = await Connection.open(url)
    await connection.close()
    return str(connection.server_properties.get("version"))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url", nargs="?", help="amqp://guest:guest@127.0.0.1:PORT/; default: a private node")
    parser.add_argument("--count", type=int, default=20000, help="requests in a round")
    parser.add_argument("--in-flight", type=int, default=256, help="requests without a reply at any time")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", nargs=2, metavar=("KIND", "QUEUE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        kind, queue = options.worker
        uvloop.run(work(kind, options.url, queue))
        return
    with tempfile.TemporaryDirectory(prefix="echo-") as folder, ExitStack() as stack:
        options.load = compile_load(Path(folder))
        options.url = options.url or stack.enter_context(DevBroker()).url
        compare(options)


if __name__ == "__main__":
    main()
