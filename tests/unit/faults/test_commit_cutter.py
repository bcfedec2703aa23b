"""The proxy that cuts commits: on which side of it, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from faults.commit_cutter import COMMIT, COMMITTED, CommitCutter, When

LIMIT = 10.0
OTHER = b"Q\x00\x00\x00\x0bSELECT\x00"

Ask = Callable[[bytes], Awaitable[bytes]]


class Server:
    """Remembers what it gets, and answers all of it as if it had been a commit."""

    def __init__(self, answer: bytes = COMMITTED) -> None:
        self.got: list[bytes] = []
        self.hung_up = asyncio.Event()
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            self.got.append(data)
            writer.write(self._answer)
        writer.close()
        self.hung_up.set()


@asynccontextmanager
async def cutting(server: Server) -> AsyncIterator[tuple[CommitCutter, Ask]]:
    """A cutter before a server, and one connection through it: what is sent is answered, with nothing if it is cut."""
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listening, CommitCutter(*listening.sockets[0].getsockname()[:2]) as cutter:
        reader, writer = await asyncio.open_connection("127.0.0.1", cutter.port)

        async def ask(data: bytes) -> bytes:
            writer.write(data)
            async with asyncio.timeout(LIMIT):
                try:
                    return await reader.read(1000)
                except ConnectionError:
                    return b""

        yield cutter, ask
        writer.close()


async def test_everything_passes_while_nothing_is_to_be_cut() -> None:
    server = Server()
    async with cutting(server) as (cutter, ask):
        assert [await ask(OTHER), await ask(COMMIT)] == [COMMITTED, COMMITTED]
        assert (server.got, cutter.total) == ([OTHER, COMMIT], 0)


@pytest.mark.parametrize(("when", "seen"), [("before", [OTHER]), ("after", [OTHER, COMMIT])])
async def test_a_commit_is_cut_on_the_side_that_is_wanted(when: When, seen: list[bytes]) -> None:
    server = Server()
    async with cutting(server) as (cutter, ask):
        done = asyncio.create_task(cutter.cut([when], LIMIT))
        assert await ask(OTHER) == COMMITTED
        assert await ask(COMMIT) == b""
        await done
        async with asyncio.timeout(LIMIT):
            await server.hung_up.wait()
        assert server.got == seen
        assert cutter.cuts == {"before": 0, "after": 0, when: 1}


async def test_a_commit_that_the_server_did_not_do_counts_as_none() -> None:
    async with cutting(Server(b"C\x00\x00\x00\x0dROLLBACK\x00")) as (cutter, ask):
        done = asyncio.create_task(cutter.cut(["after"], LIMIT))
        assert await ask(COMMIT) == b""
        await done
        assert (cutter.total, cutter.failed) == (0, 1)


async def test_commits_that_do_not_come_in_time_are_left_alone() -> None:
    server = Server()
    async with cutting(server) as (cutter, ask):
        await cutter.cut(["before", "after"], 0.01)
        assert await ask(COMMIT) == COMMITTED
        assert cutter.total == 0
