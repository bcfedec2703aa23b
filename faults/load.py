"""The load: real clients that ask and send, and write down what they were told."""

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
"""So often a request is asked again when there was no answer."""

PAUSE: Final = 0.2
"""Seconds before something is sent again that was certainly not executed."""

LONGEST_PAUSE: Final = 5.0
"""Seconds that a refusal's ``retry_after`` is obeyed at most: the run has to end."""

SLOW: Final = 20.0
"""Requests a second while a load is ahead of the strikes that it waits for."""

HEAD_START: Final = 0.1
"""A load may be ahead of the strikes that it waits for by such a share of its requests."""

LONGEST: Final = 3.0
"""So many times its requests a load goes on that still waits for strikes; then the run is invalid, but has an end."""

PATIENT: Final = frozenset({"overloaded", "rate_limited"})
"""Refusals that are no silence: they do not count as one of the re-asks, the patience alone bounds them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadOptions:
    """How a load is made.

    Attributes:
        rate: requests a second, None for as many as `in_flight` lets through.
        burst: so many are begun at once, and then none until the rate allows as many again; workers then have their
            hands full for a moment.
        in_flight: requests under way at once, at most.
        connections: clients, each with a connection of its own.
        timeout: seconds that a client waits for one answer.
        patience: seconds after which a request is given up that is refused, or not accepted, again and again.
        struck: which share of the wanted strikes there was; while the load is ahead of that it slows down, and it does
            not end before all of them.
    """

    rate: float | None = None
    burst: int = 1
    in_flight: int = 100
    connections: int = 4
    timeout: float = 10.0
    patience: float = 120.0
    struck: Callable[[], float] = lambda: 1.0


class Load:
    """Requests on their way, in the background: ``async with`` it; the end of the block waits for its end.

    Args:
        url: the broker's, or that of a proxy before it.
        topology: names at the broker.
        tokens: of each user.
        make: makes the entry of each request, by its number.
        count: how many requests.
        options: how fast, how patiently.

    Attributes:
        rate: requests a second; a scene may change it on the way.
        entries: what was begun, in order.
        seconds: how long each answered request took from its first try.
        errors: kinds of client errors, and codes of refusals, with their number.
        texts: the last text of each of them.
        clients: for a scene that does something of its own with them.
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
    def patience(self) -> float:
        """Seconds after which a request is given up that is refused again and again."""
        return self._options.patience

    @property
    def done(self) -> bool:
        """Whether every request has come to its end."""
        return self._over.is_set()

    @property
    def begun(self) -> int:
        """How many requests were begun."""
        return len(self.entries)

    async def goes_on(self, seconds: float) -> bool:
        """Let some time pass; returns early, with False, when the load has ended."""
        try:
            await asyncio.wait_for(self._over.wait(), seconds)
        except TimeoutError:
            return True
        return False

    async def reached(self, count: int) -> bool:
        """Wait until so many requests have come to their end; returns False when the load has ended before."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.finished >= count or self.done)
        return self.finished >= count and not self.done

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                due = asyncio.get_running_loop().time()
                while self._wants_more():
                    due = await self._turn(due)
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

    async def _turn(self, due: float) -> float:
        """Wait until the next burst is due, and return when the one after it is; what is late is not caught up."""
        now, burst = asyncio.get_running_loop().time, self._options.burst
        if self.begun % burst:
            return due
        await asyncio.sleep(max(0.0, due - now()))
        patience = now() + burst / SLOW
        while self._is_ahead() and now() < patience:  # noqa: ASYNC110 -- a scene's strikes tell nobody
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
        """Send one request until it has come to its end; what was learned stands in the entry."""
        now = asyncio.get_running_loop().time
        began, reasks = now(), 0
        while True:
            pause, silent = await self._try(entry, client)
            if entry.finals or (entry.accepted and entry.request.kind == "send"):
                break
            reasks += silent
            if reasks > REASKS or now() - began > self._options.patience:
                return
            await asyncio.sleep(pause)
        if entry.finals:
            self.seconds.append(now() - began)

    async def _try(self, entry: Entry, client: Client) -> tuple[float, bool]:
        """Send a request once; returns the pause before it is sent again, and whether there was no answer."""
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
            return pause_wanted(error.details), error.code not in PATIENT
        entry.accepted = True
        entry.answers.append(answer)
        entry.denied += not answer.final
        return pause, answer.code not in PATIENT

    async def ask(self, request: Request, client: Client) -> tuple[Answer, float]:
        """Ask once; returns the answer and, with a refusal, the pause that it wants.

        Raises:
            NotSent, NoAnswer, RequestError: as `Client.ask`.
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
    """Seconds that a refusal's details ask a client to wait, within limits."""
    wanted = (details or {}).get("retry_after")
    return min(float(wanted), LONGEST_PAUSE) if isinstance(wanted, int | float) else PAUSE
