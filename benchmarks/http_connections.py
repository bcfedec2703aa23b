"""Does a gateway serve ten thousand connections at once, and what does each of them cost?

    python benchmarks/http_connections.py [--connections N]

It starts `taskmanager gateway --direct`, opens connections and keeps them, and asks on every one of them, three times,
a thousand at a time. Printed is how many were answered, how long a request took while all connections were open, and
the memory of the gateway. One connection above the gateway's limit has to be refused with 503.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from leveret.process.open_files import allow_connections
from leveret.web.gateway.connections import ConnectionLimits

_AT_ONCE: Final = 1_000
_ROUNDS: Final = 3
_LIMIT: Final = 60.0
_ASK: Final = b"GET /api/v1/health HTTP/1.1\r\nHost: here\r\n\r\n"
_LIKE: Final = b"HTTP/1.1 200 OK"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def ask(connection: Connection, room: asyncio.Semaphore) -> float:
    """Ask once, and return the seconds that it took."""
    reader, writer = connection
    async with room:
        began = time.perf_counter()
        writer.write(_ASK)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _LIMIT)
        if not head.startswith(_LIKE):
            raise RuntimeError(f"this is no answer: {head[:200]!r}")
        length = re.search(rb"content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        return time.perf_counter() - began


async def measure(port: int, count: int, pid: int) -> None:
    """Open the connections, ask on all of them, and print what was seen."""
    room, began = asyncio.Semaphore(_AT_ONCE), time.perf_counter()
    before = memory(pid)

    async def connect() -> Connection:
        async with room:
            return await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), _LIMIT)

    connections = await asyncio.gather(*(connect() for _ in range(count)))
    print(f"{count:,} connections in {time.perf_counter() - began:.1f} s")
    began, times = time.perf_counter(), list[float]()
    for _ in range(_ROUNDS):
        times += await asyncio.gather(*(ask(each, room) for each in connections))
    rate = len(times) / (time.perf_counter() - began)
    print(f"{len(times):,} of {_ROUNDS * count:,} requests answered, {rate:,.0f} a second, {_AT_ONCE:,} at a time")
    print(f"a request took {statistics.median(times) * 1000:.0f} ms in the middle, {max(times) * 1000:.0f} ms at most")
    print(f"memory of the gateway: {before:.0f} MB before, {memory(pid):.0f} MB with all connections")
    if count >= ConnectionLimits().connections:
        reader, _ = await asyncio.open_connection("127.0.0.1", port)
        head = await asyncio.wait_for(reader.readline(), _LIMIT)
        print(f"one more connection: {head.decode().strip()}")
    for _, writer in connections:
        writer.close()


def memory(pid: int) -> float:
    """Return the memory of a process in MB (Linux)."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1000 if found else 0.0


def main() -> None:
    """Start a gateway, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=ConnectionLimits().connections)
    given = parser.parse_args()
    if (possible := allow_connections(given.connections)) is not None:
        sys.exit(f"this process may have {possible:,} connections: raise the limit of open files (ulimit -n)")
    with tempfile.TemporaryDirectory() as folder:
        variables = {**os.environ, "TASKMANAGER_LOG_LEVEL": "warning"}
        command = [sys.executable, "-m", "taskmanager", "gateway", "--direct", "--port", "0"]
        with subprocess.Popen(command, cwd=folder, env=variables, stdout=subprocess.PIPE) as gateway:
            line = gateway.stdout.readline().decode() if gateway.stdout else ""
            asyncio.run(measure(int(line.rpartition(":")[2].strip().strip("/")), given.connections, gateway.pid))
            gateway.terminate()


if __name__ == "__main__":
    main()
