"""A client that calls actions over RabbitMQ, with many calls in flight on one connection."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from leveret.amqp import AddressError, Addresses, AmqpError, Connect, Connection, Reconnector
from leveret.client.call import Call, ReceivedReply
from leveret.client.caller import DEFAULT_TIMEOUT, Caller
from leveret.client.line import Line
from leveret.client.transport import OnLost, Transport
from leveret.errors import InvalidRequest, NotSent
from leveret.observe.traces import CallSpans
from leveret.process.backoff import Backoff
from leveret.process.clock import Clock
from leveret.topology import Topology
from leveret.wire.codec import encode_request
from leveret.wire.envelope import Request
from leveret.wire.ids import new_id
from leveret.wire.limits import LARGEST_REQUEST

logger = logging.getLogger("leveret.client")

FORKED: Final = "the client was connected by the process from which this one was forked: make one in each process"


class Client(Caller):
    """Calls actions and waits for their replies: ``async with Client(url) as client``.

    `Caller.call` is how: by name, or by an action's function.

    One connection and one channel carry any number of calls at once. When the connection is lost, the client connects
    again with growing pauses. It belongs to one event loop; see `BlockingClient` for programs without one. A forked
    process needs a client of its own: in it, this one raises `NotSent` at once.

    Promises: no call waits longer than its timeout, whatever the broker does. Each request is sent persistent and
    mandatory, with an id that is new by default. Calling again with the same id never has a second effect, because the
    worker then answers with the response that it stored.

    Args:
        address: the broker, as ``amqp://user:password@host:port/vhost`` or ``amqps://...``. The nodes of a cluster have
            commas between them; they are tried in turn from a random one, and the first that answers is used.
        queues: where requests go: the first part of the queues' names, such as ``guestbook``, or a topology; ``api`` by
            default.
        topology: another name of ``queues``.
        name: the connection's name on RabbitMQ's management page.
        on_lost: what happens to calls in flight whose connection is lost: ``reask`` sends them again with the same id
            as soon as there is a connection, until their timeout; ``fail`` fails them at once.
        patience: seconds during which `connect` tries again when it cannot connect.
        connect: opens the connection; see `leveret.testing` for a broker in memory.
        clock: tells the time for timeouts and deadlines; the machine's by default.
        tracer: makes a span of each call, and tells the worker of it; see ``leveret.observe.traces``.

    Raises:
        ValueError: the address is not valid.
        TypeError: both ``queues`` and ``topology`` are given.
    """

    def __init__(
        self,
        address: Addresses | str,
        queues: Topology | str | None = None,
        *,
        topology: Topology | None = None,
        name: str = "leveret client",
        on_lost: OnLost = "reask",
        patience: float = 0.0,
        connect: Connect = Connection.open,
        clock: Clock | None = None,
        tracer: CallSpans | None = None,
    ) -> None:
        try:
            self._addresses = Addresses.of(address)
        except AddressError as error:
            raise ValueError(str(error)) from error
        if on_lost not in ("reask", "fail"):
            raise ValueError(f"on_lost is {on_lost!r}: expected 'reask' or 'fail'")
        self._topology = _topology_of(queues, topology)
        self._name = name
        self._on_lost = on_lost
        self._patience = patience
        self._connect = connect
        self._clock = clock
        self._tracer = tracer
        self._running: _Running | None = None
        self._spare: Line | None = None

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def unknown_replies(self) -> int:
        """How many replies came for which nobody waits: late, sent twice, or not for this client."""
        return self._running.transport.unknown_replies if self._running is not None else 0

    @property
    def in_flight(self) -> int:
        """How many requests wait for their reply, or until the broker accepts them."""
        return len(self._running.transport.in_flight) if self._running is not None else 0

    @property
    def trouble(self) -> str | None:
        """Why requests cannot be sent now: no connection, or a broker that blocks publishers; otherwise None."""
        if self._running is None:
            return "the client is not connected, use 'async with'"
        return self._running.transport.trouble if self._running.is_ours else FORKED

    async def connect(self) -> Self:
        """Connect; ``async with`` does it.

        Raises:
            NotSent: there is no connection; the text says what to do, and the cause is the driver's error.
            RuntimeError: it is connected already.
        """
        if self._running is not None and self._running.tasks:
            raise RuntimeError("The client is connected already")
        transport = Transport(self._topology, self._on_lost, self._clock)
        self._spare = await self._first_line(transport)
        lines = Reconnector(partial(self._next_line, transport), on_change=transport.on_line)
        tasks = [asyncio.create_task(lines.run()), asyncio.create_task(transport.run())]
        for task in tasks:
            task.add_done_callback(partial(_end_with, transport))
        self._running = _Running(transport, tasks, os.getpid())
        return self

    async def close(self) -> None:
        """Fail the calls in flight and close the connection; closing again does nothing.

        In a process that was forked after `connect` it only forgets the connection, which belongs to the other process.
        """
        running = self._running
        if running is None:
            return
        if not running.is_ours:
            self._running = self._spare = None
            return
        running.transport.close()
        tasks = running.tasks.copy()
        running.tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._spare is not None:  # closed before the Reconnector took it
            await self._spare.close()
            self._spare = None

    async def ask(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - as in `Caller.ask`
        timeout: float = DEFAULT_TIMEOUT,
    ) -> ReceivedReply:
        """Call an action as `call` does, but return the whole reply and its bytes, also when it is an error.

        Raises:
            Overloaded, NotSent, NoAnswer, IdReused: as `call`.
        """
        request = _request(id, version, action, data, token)
        return await self._outcome(request, timeout, wants_reply=True)

    async def send(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - as in `Caller.ask`
        timeout: float = DEFAULT_TIMEOUT,
    ) -> str:
        """Send a request without waiting for a reply; return its id once the broker has accepted it.

        Raises:
            Overloaded: the broker has not accepted it, because the queue is at its length limit.
            NotSent: the broker has certainly not accepted it.
            NoAnswer: not confirmed in time; the broker may have accepted it.
            IdReused: another request with the same id is in flight.
        """
        request = _request(id, version, action, data, token)
        await self._outcome(request, timeout, wants_reply=False)
        return request.id

    async def _outcome(
        self, request: Request, timeout: float, *, wants_reply: bool, trace: Mapping[str, str] | None = None
    ) -> ReceivedReply:
        if self._tracer is not None and trace is None:
            return await self._traced(self._tracer, request, timeout, wants_reply=wants_reply)
        running = self._running
        if running is None or not running.is_ours:
            raise NotSent(f"{request.name} {request.id} was not sent: {self.trouble}")
        body = encode_request(request)
        if len(body) > LARGEST_REQUEST:
            raise InvalidRequest(f"Request too large: {len(body)} bytes, at most {LARGEST_REQUEST} are taken")
        call = Call(request.id, request.name, body, wants_reply=wants_reply, trace=trace)
        waiter = running.transport.ask(call, timeout)
        try:
            return await waiter.future
        finally:
            running.transport.in_flight.leave(waiter)

    async def _traced(self, tracer: CallSpans, request: Request, timeout: float, *, wants_reply: bool) -> ReceivedReply:
        with tracer.call(request.name, request.id, self._topology.exchange, self._topology.requests) as trace:
            received = await self._outcome(request, timeout, wants_reply=wants_reply, trace=trace)
            if received.reply.code:
                tracer.note_error(received.reply.code)
            return received

    async def _first_line(self, transport: Transport) -> Line:
        now = asyncio.get_running_loop().time
        end = now() + self._patience
        pauses = iter(Backoff())
        while True:
            try:
                return await self._open_line(transport)
            except AmqpError as error:
                pause = next(pauses)
                if error.fatal or now() + pause > end:
                    raise NotSent(f"No connection to the broker: {error}") from error
            await asyncio.sleep(pause)

    async def _open_line(self, transport: Transport) -> Line:
        return await Line.open(self._connect, self._addresses, self._name, transport.on_replies, transport.on_blocked)

    async def _next_line(self, transport: Transport) -> Line:
        spare, self._spare = self._spare, None
        return spare or await self._open_line(transport)


class _Running(NamedTuple):
    """What a connected client has: its transport, the tasks that serve it, and the process that connected."""

    transport: Transport
    tasks: list[asyncio.Task[None]]
    process: int

    @property
    def is_ours(self) -> bool:
        """Whether this process connected, and was not forked since."""
        return self.process == os.getpid()


def _topology_of(queues: Topology | str | None, topology: Topology | None) -> Topology:
    if queues is not None and topology is not None:
        raise TypeError("queues and topology are two names of one argument: give one of them")
    found = topology if queues is None else queues
    return Topology(found) if isinstance(found, str) else found or Topology()


def _request(
    given_id: str | None, version: str, action: str, data: Mapping[str, Any] | None, token: str | None
) -> Request:
    content = data if type(data) is dict else dict(data or {})  # it is encoded at once, so a copy is not needed
    return Request(new_id() if given_id is None else given_id, version, action, content, token or "")


def _end_with(transport: Transport, task: asyncio.Task[None]) -> None:
    """End the transport when one of its tasks has failed, because the calls would never get an answer."""
    if not task.cancelled() and (error := task.exception()) is not None:
        if not isinstance(error, AmqpError):
            logger.error("the client ends because of an unexpected error", exc_info=error)
        transport.end(error)
