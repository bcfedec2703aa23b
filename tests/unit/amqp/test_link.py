"""How writes are joined and bounded, as the transport sees it."""

import asyncio

import pytest
from pamqp import commands, frame

from leveret.amqp import Address, AmqpTimeout, ConnectionLost, Limits
from leveret.amqp.frames import PROTOCOL_HEADER
from leveret.amqp.handshake import log_in
from leveret.amqp.link import Link
from leveret.amqp.output import WRITE_AT_ONCE, WRITE_BUFFER
from leveret.amqp.questions import Questions


class Recording(asyncio.Transport):
    """A transport that records what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.bound: int | None = None
        self.closed = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:  # noqa: ARG002 - as asyncio has it
        self.bound = high

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


async def linked() -> tuple[Link, Recording]:
    link, transport = Link(Limits(confirm=0.05), lambda _channel, _event: None), Recording()
    link.connection_made(transport)
    return link, transport


async def turn() -> None:
    """Let the event loop run everything that is due now."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


class Prompt(Recording):
    """The transport of a broker that answers at once."""

    def __init__(self) -> None:
        super().__init__()
        self.link: Link | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        super().write(data)
        if bytes(data) == PROTOCOL_HEADER and self.link is not None:
            greeting = frame.marshal(commands.Connection.Start(), 0)
            asyncio.get_running_loop().call_soon(self.link.data_received, greeting)


async def test_the_protocol_header_is_the_first_thing_said_when_somebody_listens_to_the_answer() -> None:
    questions, transport = Questions(1.0), Prompt()
    link = transport.link = Link(Limits(), lambda _channel, event: questions.answer(event))
    link.connection_made(transport)
    assert transport.bound == WRITE_BUFFER
    assert transport.written == []
    logging_in = asyncio.create_task(log_in(Address(), link, questions, "test", 0))
    for _ in range(5):
        await turn()
    header, start_ok = transport.written
    assert header == PROTOCOL_HEADER
    assert isinstance(frame.unmarshal(start_ok)[2], commands.Connection.StartOk)
    logging_in.cancel()
    link.connection_lost(None)


async def test_what_is_written_in_one_turn_of_the_loop_is_one_write() -> None:
    link, transport = await linked()
    for number in range(20):
        link.write(b"%d," % number)
    assert transport.written == []
    await turn()
    assert transport.written == [b"".join(b"%d," % number for number in range(20))]
    link.write(b"next")
    await turn()
    assert transport.written[1:] == [b"next"]
    link.connection_lost(None)


async def test_a_caller_that_never_yields_cannot_pile_up_what_it_writes() -> None:
    link, transport = await linked()
    for _ in range(10):
        link.write(bytes(WRITE_AT_ONCE // 2))
    assert [len(data) for data in transport.written] == [WRITE_AT_ONCE] * 5
    link.connection_lost(None)


async def test_a_paused_writer_waits_for_room_for_the_limit_and_no_longer() -> None:
    link, _ = await linked()
    await link.writable()
    link.pause_writing()
    with pytest.raises(AmqpTimeout, match="room in the write buffer"):
        await link.writable()
    waiting = asyncio.create_task(link.writable())
    await turn()
    link.resume_writing()
    await waiting
    link.connection_lost(None)


async def test_a_paused_writer_hears_of_the_end() -> None:
    link, _ = await linked()
    link.pause_writing()
    waiting = asyncio.create_task(link.writable())
    await turn()
    link.connection_lost(None)
    with pytest.raises(ConnectionLost):
        await waiting


async def test_the_end_is_told_once_and_sends_what_was_written() -> None:
    link, transport = await linked()
    told: list[Exception] = []
    link.on_end = told.append
    link.write(b"last words")
    link.end(None)
    link.connection_lost(OSError("late"))
    link.fail(ConnectionLost("later"))
    assert transport.written == [b"last words"]
    assert transport.closed
    assert len(told) == 1
    assert await link.ended is None
    with pytest.raises(ConnectionLost):
        link.write(b"x")
