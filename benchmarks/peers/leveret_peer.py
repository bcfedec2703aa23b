"""leveret: an action in a worker, and `Client`, both with all their guarantees.

QUEUE is the prefix of the topology: requests go to the exchange `QUEUE.direct` with the routing key `QUEUE.requests`,
which is also the name of the queue. The action has no effect, so that the database is not used. Requests are validated,
replies are confirmed before the ack, and the client's requests are mandatory and confirmed.
"""

import asyncio
import tempfile
from pathlib import Path

import msgspec

import command
from leveret import Api, Client, Context, Keyring, RetryPolicy, Topology, Worker, WorkerOptions
from leveret.process.running import run
from leveret.sql import Store, create_engine, metadata
from tally import SILENCE_LIMIT, Figures, Load, Request, concurrent_calls

PREFETCH = 200
KEY = b"a key of the benchmark, 32 bytes or more"

api: Api[None] = Api()


class Echo(msgspec.Struct):
    text: str


@api.action("v1", "echo", public=True)
async def echo(_context: Context[None], wanted: Echo) -> Echo:
    return wanted


async def serve(url: str, prefix: str, folder: Path, stop: asyncio.Event) -> None:
    engine = create_engine(f"sqlite:///{folder / 'echo.db'}")
    metadata.create_all(engine)
    topology = Topology(prefix)
    working = Worker(
        api,
        url,
        [Store(engine)],
        Keyring(KEY, issuer="benchmark"),
        None,
        topology=topology,
        policy=RetryPolicy(topology.delays),
        options=WorkerOptions(name="echo", prefetch=PREFETCH),
    )
    running = asyncio.create_task(working.run())
    consuming = asyncio.create_task(working.consuming.wait())
    await asyncio.wait((running, consuming), return_when=asyncio.FIRST_COMPLETED)
    if consuming.done():
        command.ready()
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
        working.stop()
    await running
    engine.dispose()


def worker(url: str, queue: str) -> None:
    with tempfile.TemporaryDirectory(prefix="leveret-peer-") as folder:
        run(lambda stop: serve(url, queue, Path(folder), stop))


async def make_calls(load: Load) -> Figures:
    async with Client(load.url, topology=Topology(load.queue)) as client:

        async def call(request: Request) -> object:
            data = await client.call("echo", request["data"], id=request["id"], timeout=SILENCE_LIMIT)
            return {**request, "data": data}

        return await concurrent_calls(load, call)


def client(load: Load) -> Figures:
    return run(lambda _stop: make_calls(load))


if __name__ == "__main__":
    command.run({"worker": worker}, client, ["leveret", "pamqp", "msgspec", "uvloop"])
