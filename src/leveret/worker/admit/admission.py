"""Admitting requests of principals that have not used up their rate limit, in the order in which the requests came.

A worker leases shares of the limit in a lane, in one transaction for all principals that need a share. A request that
waits for a lease stays in hand, and so do later requests of the same principal; other principals' requests go on.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

from leveret.api import RateLimit
from leveret.auth.keyring import is_ticket
from leveret.errors import RateLimited, StorageBusy
from leveret.inbox.batch import FailedJob, Result
from leveret.sql.records import Lease
from leveret.sql.store import Store
from leveret.worker.admit.allowance import Allowance, Verdict, row_of
from leveret.worker.run.lanes import Lanes
from leveret.worker.work import Work

MOST_PRINCIPALS: Final = 10_000
"""The most allowances in memory; the share of an allowance that is dropped is lost until its window ends."""

MOST_ROUNDS: Final = 2
"""The most transactions that lease at the same time; meanwhile further principals wait for the next one. With two, a
row that another database session has locked does not hold up all principals."""


class Gate(Protocol):
    """The caller of ``admit``, which is told what becomes of its requests."""

    def begin(self, works: Sequence[Work]) -> None:
        """Run requests."""
        ...

    def decline(self, work: Work, error: RateLimited) -> None:
        """Refuse the request."""
        ...

    def finish(self, results: list[tuple[Work, Result]]) -> None:
        """Settle requests when nobody can find out whether they may run."""
        ...


class _PrincipalQueue:
    """A principal's allowance, and its requests that wait for a lease."""

    __slots__ = ("allowance", "leasing", "waiting")

    def __init__(self, limit: RateLimit) -> None:
        self.allowance = Allowance(limit)
        self.leasing = False
        self.waiting: deque[tuple[Work, Gate]] = deque()


class Admission:
    """Applies one rate limit to all requests of a worker, or to those of one action.

    Args:
        limit: what each principal may do, in all workers together.
        lanes: where leases are taken.
        clock: returns the seconds of a clock that never goes back; also called in lanes.
    """

    def __init__(self, limit: RateLimit, lanes: Lanes, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._lanes = lanes
        self._clock = clock
        self._entries: OrderedDict[str, _PrincipalQueue] = OrderedDict()
        self._wanting: set[str] = set()
        self._rounds: set[asyncio.Task[None]] = set()

    def admit(self, work: Work, gate: Gate) -> None:
        """Begin or decline a request, at once or when a lease has decided which."""
        if not _counts(work):
            gate.begin([work])
            return
        principal = work.principal.subject
        entry = self._entry(principal)
        entry.waiting.append((work, gate))
        if len(entry.waiting) > 1:  # the requests before it have asked for a lease
            return
        now = self._clock()
        if not self._release(entry, now) or entry.allowance.is_low(now):
            self._want(principal)

    async def close(self) -> None:
        """Take no further leases; requests that wait for one stay unacked."""
        rounds = list(self._rounds)
        for task in rounds:
            task.cancel()
        await asyncio.gather(*rounds, return_exceptions=True)

    def _release(self, entry: _PrincipalQueue, now: float) -> bool:
        """Begin or decline waiting requests, in order; return False when the next one needs a lease first."""
        while entry.waiting:
            verdict = entry.allowance.admit(now)
            if verdict is Verdict.UNKNOWN:
                return False
            work, gate = entry.waiting.popleft()
            if verdict is Verdict.ADMITTED:
                gate.begin([work])
            else:
                gate.decline(work, entry.allowance.refusal(self._clock()))
        return True

    def _entry(self, principal: str) -> _PrincipalQueue:
        entry = self._entries.get(principal)
        if entry is not None:
            self._entries.move_to_end(principal)
            return entry
        if len(self._entries) >= MOST_PRINCIPALS:
            self._forget_one()
        entry = self._entries[principal] = _PrincipalQueue(self._limit)
        return entry

    def _forget_one(self) -> None:
        """Drop the least recently used allowance, unless it waits for a lease."""
        principal, entry = self._entries.popitem(last=False)
        if entry.waiting or entry.leasing or principal in self._wanting:
            self._entries[principal] = entry

    def _want(self, principal: str) -> None:
        self._wanting.add(principal)
        self._begin_round()

    def _begin_round(self) -> None:
        if self._wanting and len(self._rounds) < MOST_ROUNDS:
            # In a task, which begins when all deliveries of this read are known.
            self._rounds.add(asyncio.get_running_loop().create_task(self._lease_wanted()))

    async def _lease_wanted(self) -> None:
        try:
            while (entries := self._take_wanting()) and (shares := self._shares(entries)):
                await self._lease_round(entries, shares)
        finally:
            if (task := asyncio.current_task()) is not None:
                # Not in a callback of the task: a principal that comes before the callback has to begin a new round.
                self._rounds.discard(task)

    async def _lease_round(self, entries: Mapping[str, _PrincipalQueue], shares: Mapping[str, int]) -> None:
        leases: Mapping[str, Lease | Exception]
        try:
            moment, leases = await self._lanes.run(partial(self._lease, shares))
        except Exception as error:  # settled like a failed attempt: put back in an outage, otherwise retried
            moment, leases = 0.0, dict.fromkeys(shares, error)
        for principal, lease in leases.items():
            entries[principal].leasing = False
            self._conclude(principal, entries[principal], shares[principal], lease, moment)

    def _take_wanting(self) -> dict[str, _PrincipalQueue]:
        """Return the principals that need a lease and wait for none; the others are checked when their lease comes."""
        wanting, self._wanting = self._wanting, set()
        entries = {principal: self._entries[principal] for principal in wanting}
        return {principal: entry for principal, entry in entries.items() if not entry.leasing}

    def _shares(self, entries: Mapping[str, _PrincipalQueue]) -> dict[str, int]:
        now, shares = self._clock(), {}
        for principal, entry in entries.items():
            if entry.waiting or entry.allowance.is_low(now):
                entry.leasing = True
                shares[principal] = entry.allowance.next_share(len(entry.waiting), now)
        return shares

    def _conclude(
        self, principal: str, entry: _PrincipalQueue, share: int, lease: Lease | Exception, at: float
    ) -> None:
        if isinstance(lease, Exception):
            _fail(entry, lease)
            return
        entry.allowance.grant(share, lease, at)
        # A request that waited counts in the window in which its lease was taken, however late the lease comes.
        if not self._release(entry, at):
            self._wanting.add(principal)

    def _lease(self, shares: Mapping[str, int], store: Store) -> tuple[float, dict[str, Lease | Exception]]:
        """Lease for all principals at once, or one by one when another session has locked a row; in a lane."""
        moment = self._clock()
        try:
            return moment, self._leases(shares, store)
        except StorageBusy:
            return self._clock(), {name: self._lease_one(name, share, store) for name, share in shares.items()}

    def _leases(self, shares: Mapping[str, int], store: Store) -> dict[str, Lease | Exception]:
        rows = {row_of(principal, self._limit.action): principal for principal in shares}
        leases = store.lease({row: shares[principal] for row, principal in rows.items()}, self._limit.window)
        return {principal: leases[row] for row, principal in rows.items()}

    def _lease_one(self, principal: str, share: int, store: Store) -> Lease | Exception:
        try:
            return self._leases({principal: share}, store)[principal]
        except StorageBusy as error:
            return error


def _counts(work: Work) -> bool:
    """Return whether a request counts: every request with a token, unless it may have been admitted before."""
    return bool(work.principal.subject) and not work.delivery.redelivered and not is_ticket(work.request.auth)


def _fail(entry: _PrincipalQueue, error: Exception) -> None:
    waiting = list(entry.waiting)
    entry.waiting.clear()
    for work, gate in waiting:
        gate.finish([(work, FailedJob(error))])
