"""A process that is forked after `connect` gets an error at once, and does not touch its parent's connection.

Each program runs in a new process, because pytest's process must not fork.
"""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from leveret.topology import Topology
from support.responder import LIMIT, echo, responding
from testbed.proxy import Proxy

BEGINNING = """
import asyncio, gc, os, sys, time
from leveret.client import BlockingClient, Client
from leveret.errors import NotSent
from leveret.topology import Topology

url, topology = sys.argv[1], Topology(sys.argv[2])
"""

BLOCKING = """
with BlockingClient(url, topology=topology) as client:
    client.call("before")
    child = os.fork()
    if child == 0:
        for attempt in (lambda: client.call("child", timeout=600), client.connect):
            try:
                attempt()
            except NotSent as error:
                print(error, flush=True)
        if sys.argv[3] == "another":
            with BlockingClient(url, topology=topology) as another:
                print(another.call("own", {"n": 1}), flush=True)
        sys.exit(7)
    for n in range(20):
        client.call("meanwhile", {"n": n})
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(client.call("after", {"n": 2}))
"""

ASYNCIO = """
async def work():
    async with Client(url, topology=topology) as client:
        await client.call("before")
        child = os.fork()
        if child == 0:
            try:
                await client.call("child", timeout=600)
            except NotSent as error:
                print(error, flush=True)
            print(client.trouble, flush=True)
            return 7
        for n in range(20):
            await client.call("meanwhile", {"n": n})
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        print(await client.call("after", {"n": 2}))
        return 0

code = asyncio.run(work())
gc.collect()
sys.exit(code)
"""

NEW_LOOP = """
async def work():
    client = Client(url, topology=topology)
    await client.connect()
    await client.call("before")
    child = os.fork()
    if child == 0:
        raise Forked(client)
    for n in range(20):
        await client.call("meanwhile", {"n": n})
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(await client.call("after", {"n": 2}))
    await client.close()

class Forked(BaseException):
    pass

async def in_child(client):
    for attempt in (client.call("child", timeout=600), client.send("child", timeout=600)):
        try:
            await attempt
        except NotSent as error:
            print(error, flush=True)
    await client.close()

try:
    asyncio.run(work())
except Forked as forked:
    asyncio.run(in_child(forked.args[0]))
    gc.collect()
    sys.exit(7)
"""


async def outcome(program: str, proxy: Proxy, topology: Topology, how: str) -> list[str]:
    """Return what the program and its child print; the program must end in time with exit code 0."""
    url = f"amqp://guest:guest@127.0.0.1:{proxy.port}/"
    command = [
        sys.executable,
        "-X",
        "faulthandler",
        "-W",
        "error",
        "-c",
        BEGINNING + program,
        url,
        topology.prefix,
        how,
    ]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 2 * LIMIT)
    finally:
        with suppress(ProcessLookupError):  # with a child that hangs
            os.killpg(process.pid, signal.SIGKILL)
    assert (process.returncode, err.decode()) == (0, "")
    return out.decode().splitlines()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
@pytest.mark.parametrize(
    ("program", "how", "connections"),
    [(BLOCKING, "", 1), (BLOCKING, "another", 2), (ASYNCIO, "", 1), (NEW_LOOP, "", 1)],
    ids=["blocking", "another client in the child", "asyncio", "another loop in the child"],
)
async def test_a_forked_process_is_told_at_once_and_leaves_the_parents_connection_alone(
    program: str, how: str, connections: int, url: str, topology: Topology
) -> None:
    parts = urlsplit(url)
    async with (
        responding(url, topology, echo) as responder,
        Proxy(parts.hostname or "", parts.port or 5672) as proxy,
    ):
        *told, code, after = await outcome(program, proxy, topology, how)
        assert (code, after) == ("7", "{'n': 2}")
        if how:
            assert told.pop() == "{'n': 1}"
        assert len(told) == 2
        assert all("by the process from which this one was forked: make one in each process" in each for each in told)
        asked = [delivery.body for delivery in responder.requests]
        assert not any(b'"child"' in body for body in asked)
        assert proxy.connections == connections
