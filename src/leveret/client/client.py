"""Calling an API over RabbitMQ: many calls in flight on one connection."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from msgspec import UNSET

from leveret.amqp import AddressError, Addresses, AmqpError, Reconnecting
from leveret.client.dispatch import Dispatch, OnLost
from leveret.client.in_flight import Asked, Received
from leveret.client.line import Line
from leveret.errors import BY_CODE, InvalidRequest, NotSent, RequestError
from leveret.process.backoff import Backoff
from leveret.topology import Topology
from leveret.wire.codec import encode_json
from leveret.wire.envelope import Reply, Request
from leveret.wire.ids import new_id
from leveret.wire.limits import LARGEST_REQUEST

logger = logging.getLogger("leveret.client")

DEFAULT_TIMEOUT: Final = 10.0
"""Seconds."""

FORKED: Final = "the client was connected by the process from which this one was forked: make one in each process"


class Client:
    """Asks for actions and waits for their replies: ``async with Client(url) as client``.

    One connection and one channel carry any number of calls at once. When the connection is lost it is made again with
    growing pauses. Requests of one event loop only; see `BlockingClient` for programs without one. A process that is
    forked needs a client of its own: with this one it is told `NotSent` at once.

    Promises: nothing waits longer than its timeout, whatever the broker does. Each request goes out persistent and
    mandatory with an id, by default a new one; asking again with the same id never has an effect twice (the worker
    answers from what it stored).

    Args:
        address: the broker, as ``amqp://user:password@host:port/vhost`` or ``amqps://...``; the nodes of a cluster with
            commas between, of which the first that answers is taken, in turn from a random one.
        topology: where requests go.
        name: the connection's name in RabbitMQ's own pages.
        on_lost: what becomes of calls in flight whose connection is lost: ``reask`` asks again with the same id as soon
            as there is a connection, while the timeout lasts; ``fail`` fails them at once.
        patience: seconds during which a first connection that fails is tried again.

    Raises:
        ValueError: the address is not one.
    """

    def __init__(
        self,
        address: Addresses | str,
        *,
        topology: Topology | None = None,
        name: str = "leveret client",
        on_lost: OnLost = "reask",
        patience: float = 0.0,
    ) -> None:
        try:
            self._addresses = Addresses.of(address)
        except AddressError as error:
            raise ValueError(str(error)) from error
        if on_lost not in ("reask", "fail"):
            raise ValueError(f"on_lost is {on_lost!r}: expected 'reask' or 'fail'")
        self._topology = topology or Topology()
        self._name = name
        self._on_lost = on_lost
        self._patience = patience
        self._dispatch: Dispatch | None = None
        self._spare: Line | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._process = os.getpid()

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def unknown_replies(self) -> int:
        """How many replies came that nobody waits for: late, doubled, or to a request that is not ours."""
        return self._dispatch.unknown_replies if self._dispatch is not None else 0

    @property
    def in_flight(self) -> int:
        """How many requests wait for their reply, or to be accepted."""
        return len(self._dispatch.in_flight) if self._dispatch is not None else 0

    @property
    def trouble(self) -> str | None:
        """Why requests are held back at the moment: no connection, or a broker that blocks publishers; else None."""
        if self._dispatch is None:
            return "the client is not connected, use 'async with'"
        return FORKED if self._process != os.getpid() else self._dispatch.trouble

    async def connect(self) -> Self:
        """Connect; ``async with`` does it.

        Raises:
            NotSent: there is no connection; the text says what to do, the cause is the driver's error.
            RuntimeError: it is connected already.
        """
        if self._tasks:
            raise RuntimeError("The client is connected already")
        self._process = os.getpid()
        dispatch = Dispatch(self._topology, self._on_lost)
        self._spare = await self._first_line(dispatch)
        lines = Reconnecting(partial(self._next_line, dispatch), on_change=dispatch.on_line)
        self._dispatch, self._tasks = dispatch, [asyncio.create_task(lines.run()), asyncio.create_task(dispatch.run())]
        for task in self._tasks:
            task.add_done_callback(partial(_end_with, dispatch))
        return self

    async def close(self) -> None:
        """Fail what is in flight, say goodbye to the broker, and be done; closing again does nothing.

        In a process that was forked after `connect` it only forgets the connection, which is the other process's.
        """
        if self._process != os.getpid():
            self._dispatch, self._tasks, self._spare = None, [], None
            return
        if self._dispatch is not None:
            self._dispatch.close()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._spare is not None:  # closed before its first turn in the loop
            await self._spare.close()
            self._spare = None

    async def call(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - the word on the wire and in every text about it
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Any:
        """Have an action executed and return its result, the reply's ``data``.

        Args:
            action: name of the action.
            data: its input; what JSON can say.
            version: version of the API.
            token: a JWT, with or without a leading ``Bearer ``.
            id: 1 to 128 printable ASCII characters; a new UUID by default. Two calls of the same id and the same
                content at once share one request.
            timeout: seconds for everything: to wait for a connection, to be sent, and to be answered.

        Raises:
            RequestError: the error response, as the class of its code (see `leveret.errors.BY_CODE`).
            Overloaded: the queue is at its length limit and did not take this attempt; ``details["retry_after"]`` says
                after how many seconds to ask again.
            NotSent: certainly not accepted by the broker.
            NoAnswer: no reply in time, or none that can be read; it may have been executed. Ask again with the same id.
            IdReused: another request of the same id is in flight.
        """
        request = _request(id, version, action, data, token)
        received = await self._settled(request, timeout, wants_reply=True)
        if received.reply.status == "error":
            raise error_of(received.reply)
        return received.reply.data

    async def ask(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - as in `call`
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Received:
        """Like `call`, but return the whole reply and its bytes; an error response is a reply like any other.

        Raises:
            Overloaded, NotSent, NoAnswer, IdReused: as `call`.
        """
        request = _request(id, version, action, data, token)
        return await self._settled(request, timeout, wants_reply=True)

    async def send(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - as in `call`
        timeout: float = DEFAULT_TIMEOUT,
    ) -> str:
        """Have an action executed some time, without a reply; return the request's id once the broker has accepted it.

        Raises:
            Overloaded: certainly not accepted, because the queue is at its length limit.
            NotSent: certainly not accepted.
            NoAnswer: not confirmed in time; it may have been accepted.
            IdReused: another request of the same id is in flight.
        """
        request = _request(id, version, action, data, token)
        await self._settled(request, timeout, wants_reply=False)
        return request.id

    async def _settled(self, request: Request, timeout: float, *, wants_reply: bool) -> Received:
        dispatch = self._dispatch
        if dispatch is None or self._process != os.getpid():
            raise NotSent(f"{request.name} {request.id} was not sent: {self.trouble}")
        body = encode_json(request)
        if len(body) > LARGEST_REQUEST:
            raise InvalidRequest(f"Request too large: {len(body)} bytes, at most {LARGEST_REQUEST} are taken")
        waiter = dispatch.ask(Asked(request.id, request.name, body, wants_reply=wants_reply), timeout)
        try:
            return await waiter.future
        finally:
            dispatch.in_flight.leave(waiter)

    async def _first_line(self, dispatch: Dispatch) -> Line:
        now = asyncio.get_running_loop().time
        end = now() + self._patience
        pauses = iter(Backoff())
        while True:
            try:
                return await self._open_line(dispatch)
            except AmqpError as error:
                pause = next(pauses)
                if error.fatal or now() + pause > end:
                    raise NotSent(f"No connection to the broker: {error}") from error
            await asyncio.sleep(pause)

    async def _open_line(self, dispatch: Dispatch) -> Line:
        return await Line.open(self._addresses, self._name, dispatch.on_replies, dispatch.on_blocked)

    async def _next_line(self, dispatch: Dispatch) -> Line:
        spare, self._spare = self._spare, None
        return spare or await self._open_line(dispatch)


def _request(
    given_id: str | None, version: str, action: str, data: Mapping[str, Any] | None, token: str | None
) -> Request:
    content = data if type(data) is dict else dict(data or {})  # it is encoded at once, so it need not be copied
    return Request(new_id() if given_id is None else given_id, version, action, content, token or "")


def error_of(reply: Reply) -> RequestError:
    """The error that an error response stands for.

    Without a code, as the first version's workers answer, it is a plain RequestError; so it is with a code that this
    version does not know, which is kept in ``code``.
    """
    details = None if reply.details is UNSET else reply.details
    text = reply.error or "The response is an error without a text"
    if reply.code is UNSET:
        return RequestError(text, details=details)
    if known := BY_CODE.get(reply.code):
        return known(text, details=details)
    error = RequestError(text, details=details)
    error.code = reply.code
    return error


def _end_with(dispatch: Dispatch, task: asyncio.Task[None]) -> None:
    """A task that ended by itself takes the calls with it: nothing would bring them an answer."""
    if not task.cancelled() and (error := task.exception()) is not None:
        if not isinstance(error, AmqpError):
            logger.error("the client ends because of an unexpected error", exc_info=error)
        dispatch.end(error)
