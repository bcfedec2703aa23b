"""The load: real clients that send requests, and record the answers and errors that they receive."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from faults.ledger import Answer, Entry, Request
from leveret.client import Client
from leveret.errors import LeveretError, NoAnswer, NotSent, RequestError
from leveret.topology import Topology

REASKS: Final = 3
"""How often a request is sent again after there was no answer."""

PAUSE: Final = 0.2
"""Seconds before a request that was certainly not executed is sent again."""

LONGEST_PAUSE: Final = 5.0
"""Seconds, at most, that a client waits because of a ``retry_after``; the run has to end."""

SLOW: Final = 20.0
"""Requests a second while a load is ahead of the strikes that it waits for."""

HEAD_START: Final = 0.1
"""Share of its requests by which a load may be ahead of the strikes that it waits for."""

LONGEST: Final = 3.0
"""Multiple of its requests that a load sends, at most, while it waits for strikes; then the run is invalid."""

REFUSED_FOR_NOW: Final = frozenset({"overloaded", "rate_limited"})
"""Codes of refusals after which a request is sent again without counting that as a re-ask; see ``give_up_after``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadOptions:
    """How fast and how long a load sends.

    Attributes:
        rate: requests a second; None for as many as `in_flight` allows.
        burst: how many requests are sent at once; then none is sent until the rate allows as many again, so that
            workers hold many requests for a moment.
        in_flight: how many requests may be under way at once.
        connections: number of clients, each with a connection of its own.
        timeout: seconds that a client waits for one answer.
        give_up_after: seconds after which a request is given up that is again and again refused or not accepted.
        struck: returns the share of the wanted strikes that there were; the load slows down while it is ahead of that
            share, and does not end before it is 1.
    """

    rate: float | None = None
    burst: int = 1
    in_flight: int = 100
    connections: int = 4
    timeout: float = 10.0
    give_up_after: float = 120.0
    struck: Callable[[], float] = lambda: 1.0


class Load:
    """Sends requests in the background while the ``async with`` block runs; the end of the block waits for all of them.

    Args:
        url: address of the broker, or of a proxy in front of it.
        topology: names at the broker.
        tokens: a token of each user, by the user's id.
        make: makes the entry of a request from its number.
        count: number of requests.
        options: how fast and how long the load sends.

    Attributes:
        rate: requests a second; a scene may change it meanwhile.
        entries: the entries of all requests so far, in order.
        seconds: seconds from the first try to the answer, for each request that was answered.
        errors: number of errors of each kind: class of a client's error, or code of a refusal.
        texts: last text of each kind of error.
        clients: the clients, which a scene may use too.
    """

    def __init__(
        self,
        url: str,
        topology: Topology,
        tokens: Mapping[int, str],
        make: Callable[[int], Entry],
        *,
        count: int,
        options: LoadOptions,
    ) -> None:
        self._tokens = tokens
        self._make = make
        self._count = count
        self._options = options
        self._room = asyncio.Semaphore(options.in_flight)
        self._running: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self._moved = asyncio.Condition()
        self.rate = options.rate
        self.entries: list[Entry] = []
        self.finished = 0
        self.seconds: list[float] = []
        self.errors: Counter[str] = Counter()
        self.texts: dict[str, str] = {}
        self.clients = [
            Client(url, topology=topology, name=f"load {number}", patience=60.0)
            for number in range(options.connections)
        ]

    async def __aenter__(self) -> Self:
        for client in self.clients:
            await client.connect()
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running = self._running
        try:
            if running is not None:
                if error is not None:
                    running.cancel()
                    await asyncio.wait({running})
                else:
                    await running
        finally:
            self._over.set()
            for client in self.clients:
                await client.close()

    @property
    def give_up_after(self) -> float:
        """Seconds after which a request is given up that is refused again and again."""
        return self._options.give_up_after

    @property
    def done(self) -> bool:
        """Whether every request has been finished or given up."""
        return self._over.is_set()

    @property
    def begun(self) -> int:
        """Number of requests that were begun."""
        return len(self.entries)

    async def goes_on(self, seconds: float) -> bool:
        """Wait some seconds and return True; return False as soon as the load has ended."""
        try:
            await asyncio.wait_for(self._over.wait(), seconds)
        except TimeoutError:
            return True
        return False

    async def reached(self, count: int) -> bool:
        """Wait until ``count`` requests are finished, and return True; return False if the load ends before."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.finished >= count or self.done)
        return self.finished >= count and not self.done

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                due = asyncio.get_running_loop().time()
                while self._wants_more():
                    due = await self._wait_for_burst(due)
                    await self._room.acquire()
                    client = self.clients[self.begun % len(self.clients)]
                    entry = self._make(self.begun)
                    self.entries.append(entry)
                    group.create_task(self._follow(entry, client))
        finally:
            self._over.set()
            async with self._moved:
                self._moved.notify_all()

    def _wants_more(self) -> bool:
        waits = self._options.struck() < 1 and self.begun < self._count * LONGEST
        return self.begun < self._count or waits

    def _is_ahead(self) -> bool:
        struck = self._options.struck()
        return struck < 1 and self.begun / self._count > min(struck + HEAD_START, 0.99)

    async def _wait_for_burst(self, due: float) -> float:
        """Wait until the next burst is due, and return when the one after it is due; delays are not caught up."""
        now, burst = asyncio.get_running_loop().time, self._options.burst
        if self.begun % burst:
            return due
        await asyncio.sleep(max(0.0, due - now()))
        end = now() + burst / SLOW
        while self._is_ahead() and now() < end:  # noqa: ASYNC110 -- a scene does not signal its strikes
            await asyncio.sleep(0.02)
        return max(due, now() - 1.0) + burst / self.rate if self.rate else now()

    async def _follow(self, entry: Entry, client: Client) -> None:
        try:
            await self.follow(entry, client)
        finally:
            self._room.release()
            async with self._moved:
                self.finished += 1
                self._moved.notify_all()

    async def follow(self, entry: Entry, client: Client) -> None:
        """Send one request until it is finished or given up, and record in the entry what happened."""
        now = asyncio.get_running_loop().time
        began, reasks = now(), 0
        while True:
            pause, silent = await self._try(entry, client)
            if entry.finals or (entry.accepted and entry.request.kind == "send"):
                break
            reasks += silent
            if reasks > REASKS or now() - began > self._options.give_up_after:
                return
            await asyncio.sleep(pause)
        if entry.finals:
            self.seconds.append(now() - began)

    async def _try(self, entry: Entry, client: Client) -> tuple[float, bool]:
        """Send a request once; return the pause before it is sent again, and whether there was no answer."""
        entry.tries += 1
        try:
            if entry.request.kind == "send":
                await self._send(entry.request, client)
                entry.accepted = True
                return 0.0, False
            answer, pause = await self.ask(entry.request, client)
        except NotSent as error:
            self._note("NotSent", error)
            entry.denied += 1
            return PAUSE, False
        except NoAnswer as error:
            self._note("NoAnswer", error)
            return 0.0, True
        except RequestError as error:
            self._note(error.code, error)
            entry.denied += 1
            return pause_wanted(error.details), error.code not in REFUSED_FOR_NOW
        entry.accepted = True
        entry.answers.append(answer)
        entry.denied += not answer.final
        return pause, answer.code not in REFUSED_FOR_NOW

    async def ask(self, request: Request, client: Client) -> tuple[Answer, float]:
        """Ask once; return the answer, and the pause that a refusal asks for.

        Raises:
            NotSent, NoAnswer, RequestError: see `Client.ask`.
        """
        received = await client.ask(
            "create_task",
            request.data,
            token=self._tokens[request.user],
            id=request.id,
            timeout=self._options.timeout,
        )
        reply = received.reply
        if reply.status == "ok":
            return Answer(received.body, None, request.payload), 0.0
        code = reply.code or "?"
        self._note(code, RequestError(reply.error or ""))
        return Answer(received.body, code, request.payload), pause_wanted(reply.details or None)

    async def _send(self, request: Request, client: Client) -> None:
        token, limit = self._tokens[request.user], self._options.timeout
        await client.send("create_task", request.data, token=token, id=request.id, timeout=limit)

    def _note(self, kind: str, error: LeveretError) -> None:
        self.errors[kind] += 1
        self.texts[kind] = str(error)


def pause_wanted(details: Mapping[str, object] | None) -> float:
    """Return the seconds that a refusal's details ask a client to wait, within limits."""
    wanted = (details or {}).get("retry_after")
    return min(float(wanted), LONGEST_PAUSE) if isinstance(wanted, int | float) else PAUSE
