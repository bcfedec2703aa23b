"""All rate limits of a worker: those of single actions, and the one for all requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from leveret.api import Api, RateLimit
from leveret.errors import RateLimited
from leveret.inbox.batch import Result
from leveret.worker.admit.admission import Admission, Gate
from leveret.worker.run.lanes import Lanes
from leveret.worker.work import Work


class RateLimits:
    """Applies to each request the limit of its action, and then the one for all requests.

    In this order a request that is over its action's limit takes nothing from what its caller may do beside it.

    Args:
        general: the limit for all requests; None for none.
        own: those of single actions.
        lanes: where leases are taken.
        clock: returns the seconds of a clock that never goes back; also called in lanes.
    """

    def __init__(
        self,
        general: RateLimit | None,
        own: Iterable[RateLimit],
        lanes: Lanes,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._general = Admission(general, lanes, clock=clock) if general else None
        self._own = {limit.action: Admission(limit, lanes, clock=clock) for limit in own}

    def admit(self, works: Sequence[Work], gate: Gate) -> None:
        """Begin or decline requests, at once or when leases have decided which."""
        then = gate if self._general is None else _Then(self._general, gate)
        free: list[Work] = []
        for work in works:
            limit = work.action.rate_limit
            if limit is None:
                free.append(work)
            else:
                self._own[limit.action].admit(work, then)
        then.begin(free)

    async def close(self) -> None:
        """Take no further leases; requests that wait for one stay unacked."""
        every = [*self._own.values(), *filter(None, [self._general])]
        await asyncio.gather(*(admission.close() for admission in every))


class _Then:
    """The gate behind an action's limit: the limit for all requests."""

    def __init__(self, general: Admission, gate: Gate) -> None:
        self._general = general
        self._gate = gate

    def begin(self, works: Sequence[Work]) -> None:
        for work in works:
            self._general.admit(work, self._gate)

    def decline(self, work: Work, error: RateLimited) -> None:
        self._gate.decline(work, error)

    def finish(self, results: list[tuple[Work, Result]]) -> None:
        self._gate.finish(results)


def limits_of(api: Api[Any], general: RateLimit | None, lanes: Lanes, clock: Callable[[], float]) -> RateLimits | None:
    """Return the rate limits of a worker; None if there is none, so that requests pass none."""
    own = [action.rate_limit for action in api if action.rate_limit is not None]
    return RateLimits(general, own, lanes, clock=clock) if own or general else None
