"""How fast is the index of dead letters filled from a real stream, and how fast does it answer?

    PYTHONPATH=benchmarks python -m letters [--letters N] [--folder PATH] [--publish]

It starts a private RabbitMQ, writes letters into a stream, reads them into an index in one process, and asks each
question five times. The table has the slowest of the five, which is long where the machine is busy with other things,
and the processor's time for it. With --publish it is written into docs/operate/letters.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.machine import machine
from letters.making import publish
from letters.questions import questions
from leveret.amqp import Connection
from leveret.devbroker import DevBroker
from leveret.letters.index import LetterIndex
from leveret.letters.index.reading import ReadProgress, catch_up

PAGE = Path(__file__).resolve().parents[2] / "docs/operate/letters.md"
BEGIN, END = "<!-- begin: figures of python -m letters -->", "<!-- end: figures -->"
SECRETS = ("auth", "password", "new_password")
ROUNDS = 5


def main() -> None:
    """Measure, print, and publish if that is wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--letters", type=int, default=1_000_000, help="how many")
    parser.add_argument("--folder", type=Path, help="where the index is made; default: a temporary folder")
    parser.add_argument("--publish", action="store_true", help="write the table into the documentation")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder, DevBroker() as broker:
        lines = asyncio.run(measure(broker.url, given.letters, Path(folder)))
    print("\n".join(lines))
    if given.publish:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text("\n".join([before + BEGIN, "", *lines, "", END]) + rest.partition(END)[2])


async def measure(url: str, count: int, folder: Path) -> list[str]:
    """Fill a stream and an index, ask, and return the lines of the tables."""
    connection = await Connection.open(url, name="bench of letters")
    try:
        channel = await connection.channel(confirms=True)
        await channel.declare_queue("letters", arguments={"x-queue-type": "stream"})
        began = time.perf_counter()
        await publish(channel, "letters", count)
        print(f"{count:,} letters published in {time.perf_counter() - began:.0f} s")
        lines = await fill(connection, count, folder)
        broker = str(connection.server_properties.get("version"))
    finally:
        await connection.close()
    with opened(folder) as index:
        lines += list(ask(index))
    return [*about(broker), "", *lines]


async def fill(connection: Connection, count: int, folder: Path) -> list[str]:
    """Read the stream into a new index; return the table of that."""
    memory: list[float] = []

    def tell(progress: ReadProgress) -> None:
        if progress.read * 10 >= count * (len(memory) + 1):
            memory.append(resident())

    with opened(folder) as index:
        began, own = time.perf_counter(), time.process_time()
        read = await catch_up(connection, "letters", index, tell=tell)
        seconds, own = time.perf_counter() - began, time.process_time() - own
        if read != count or index.count() != count:
            raise RuntimeError(f"{read} of {count} letters were read, and {index.count()} are there")
        size = index.size
    return [
        "| filling the index | |",
        "|---|---|",
        f"| letters | {count:,} |",
        f"| letters a second, reading included | {count / seconds:,.0f} |",
        f"| processor for each letter, in two threads | {own / count * 1e6:.0f} microseconds |",
        f"| load of the machine while that was measured | {os.getloadavg()[0]:.1f} |",
        f"| memory of the process after a tenth, and at most | {memory[0]:.0f} MB, {max(memory):.0f} MB |",
        f"| file of the index | {size / 1e6:,.0f} MB |",
        "",
    ]


def ask(index: LetterIndex) -> Iterator[str]:
    """Ask every question, and yield the table: the slowest of the rounds, and the quickest on the processor."""
    yield "| question (letters found) | slowest of five, ms | processor, ms |"
    yield "|---|---|---|"
    for name, question in questions(index):
        taken = [seconds_of(lambda: question(index)) for _ in range(ROUNDS)]  # noqa: B023 - called at once
        slowest, processor = max(wall for wall, _ in taken), min(own for _, own in taken)
        yield f"| {name} | {slowest * 1000:.0f} | {processor * 1000:.0f} |"


def about(broker: str) -> list[str]:
    """Return what was measured, where and when."""
    found = machine()
    versions = f"RabbitMQ {broker}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return [f"{found['date']}, {found['cores']} cores, {found['memory']}, {found['system']}; {versions}."]


def opened(folder: Path) -> LetterIndex:
    """Open the index of the measurement."""
    return LetterIndex(folder / "letters.db", SECRETS, "bench")


def resident() -> float:
    """Return megabytes of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def seconds_of(action: Callable[[], object]) -> tuple[float, float]:
    """Return how long a call takes, and how long the processor works for this process meanwhile."""
    began, own = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - began, time.process_time() - own


if __name__ == "__main__":
    main()
