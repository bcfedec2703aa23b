"""Opens the index of an application's letters, up to date; without a stream one of what a look shows."""

from __future__ import annotations

import asyncio
import hashlib
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import platformdirs
from msgspec import Struct

from leveret.amqp import Connection
from leveret.broker.addresses import shown_address, vhost_of
from leveret.broker.connecting import connected
from leveret.letters.index.index import LetterIndex
from leveret.letters.index.reading import Tell, catch_up
from leveret.letters.index.schema import telling_trouble
from leveret.letters.look import MOST_LETTERS, look_at_messages
from leveret.topology import Topology

_PATIENCE: Final = 3.0
"""Seconds to wait for a stream that cannot be empty, because letters lie in the queue."""


_UNDER_WAY: Final = 0.1
"""Seconds for copies of letters that are in the queue already: a worker copies a letter after it has moved it."""


class Source(Struct, frozen=True):
    """Which letters are meant.

    Attributes:
        url: the broker.
        topology: names at the broker.
        secrets: names of fields that are not shown.
        path: the file of the index; None for the usual one.
    """

    url: str
    topology: Topology
    secrets: frozenset[str]
    path: Path | None = None


class UpToDate(Struct, frozen=True):
    """An index that has just been brought up to date.

    Attributes:
        index: it is open.
        depth: how many letters were ready in the queue just before.
        streamed: there is a stream of letters. Otherwise the index holds what a look shows, 2,000 letters at most.
    """

    index: LetterIndex
    depth: int
    streamed: bool

    @property
    def present(self) -> int:
        """How many messages should be in the queue, as far as the index knows."""
        return self.index.copies()


def index_path(source: Source) -> Path:
    """Return where the index of these letters is: in the user's cache, one file for each broker, vhost and prefix."""
    if source.path:
        return source.path
    digest = hashlib.blake2b(_belongs_to(source).encode(), digest_size=6).hexdigest()
    name = re.sub(r"[^\w.-]", "_", source.topology.prefix)[:40]
    return platformdirs.user_cache_path("leveret") / f"letters-{name}-{digest}.db"


def open_index(source: Source) -> LetterIndex:
    """Open the index as it was left; nothing is read of the broker.

    Raises:
        IndexTrouble: the file cannot be used.
    """
    return LetterIndex(index_path(source), source.secrets, _belongs_to(source))


@asynccontextmanager
async def up_to_date(source: Source, tell: Tell | None = None, *, rebuild: bool = False) -> AsyncIterator[UpToDate]:
    """Open the index for the time of a block, and read what has come into the stream since.

    Args:
        source: which letters.
        tell: called while the stream is read.
        rebuild: forget first what the index holds.

    Raises:
        BrokerTrouble: there is no queue of letters, or no permission.
        IndexTrouble: the file cannot be used.
    """
    with tempfile.TemporaryDirectory() as folder, telling_trouble(index_path(source)):
        index = open_index(source)
        try:
            if rebuild:
                index.rebuild()
            async with connected(source.url) as connection:
                depth = await letters_in_queue(connection, source.topology)
                read = await _read(connection, source, index, depth, tell)
                if read is None:
                    index.close()
                    index = LetterIndex(Path(folder) / "letters.db", source.secrets, _belongs_to(source))
                    index.adopt(await look_at_messages(connection, source.topology, MOST_LETTERS))
            yield UpToDate(index, depth, read is not None)
        finally:
            index.close()


async def _read(
    connection: Connection, source: Source, index: LetterIndex, depth: int, tell: Tell | None
) -> int | None:
    """Read the stream to its end, and once more if the queue holds letters of which the copies may be under way."""
    stream, patience = source.topology.letters_stream, _PATIENCE if depth else 0.3
    read = await catch_up(connection, stream, index, tell=tell, patience=patience)
    if read is None or depth <= index.copies():
        return read
    await asyncio.sleep(_UNDER_WAY)
    again = await catch_up(connection, stream, index, tell=tell, patience=patience)
    return None if again is None else read + again


async def letters_in_queue(connection: Connection, topology: Topology) -> int:
    """Return how many letters are ready in the queue.

    Raises:
        ChannelClosed: there is no such queue, or no permission.
    """
    channel = await connection.channel()
    state = await channel.declare_queue(topology.dead_letters, passive=True)
    await channel.close()
    return state.messages


def _belongs_to(source: Source) -> str:
    return f"{shown_address(source.url)} {vhost_of(source.url)} {source.topology.prefix}"
