"""What a worker does about streams while its connection for them cannot be opened."""

import asyncio
import logging

import pytest

from leveret.amqp import AnyConnection, ConnectFailed, Message
from leveret.process.backoff import Backoff
from leveret.topology import Topology
from leveret.worker.streams import PASSING_TRIES, WorkerStreams
from support.serving import until

LETTER = Message(b"{}", "api.requests.dlq", mandatory=True)
TOPOLOGY = Topology(letters_size=2**26)


async def test_a_connection_that_cannot_be_opened_is_tried_again_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "leveret.worker")
    tries = 0

    async def connect() -> AnyConnection:
        nonlocal tries
        tries += 1
        raise ConnectFailed("no more connections")

    streams = WorkerStreams(TOPOLOGY, connect, pauses=Backoff(first=0.001, most=0.001), patience=0.01)
    streams.begin()
    streams.copy([LETTER])
    streams.report(b"{}")
    await until(lambda: tries > 2 * PASSING_TRIES, "many tries")
    await streams.close()
    assert caplog.messages == [
        "dead letters cannot be copied into api.requests.letters at present: no more connections"
    ]


async def test_a_worker_that_never_had_a_session_has_nothing_to_close() -> None:
    async def connect() -> AnyConnection:
        raise AssertionError("nobody asked for a connection")

    streams = WorkerStreams(TOPOLOGY, connect)
    streams.copy([LETTER])
    async with asyncio.timeout(1):
        await streams.close()
