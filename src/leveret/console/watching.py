"""Looks at broker and database now and then, for all pages that are open, and remembers the last minutes.

Nothing here is a truth: another console that looks at the same system sees the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool

from leveret.application.database import build_engine
from leveret.broker.addresses import shown_address
from leveret.broker.connecting import BrokerTrouble
from leveret.broker.queues import QueueReport, report_queues
from leveret.console.site import Site
from leveret.operate.overview import DepthSample, Overview, Part, Seen, System, compose
from leveret.settings.values import shown_database

PAUSE: Final = 2.0
"""Seconds between two looks at most."""

KEPT: Final = 150
"""Looks that are remembered: five minutes."""

_LIMIT: Final = 3.0
"""Seconds to wait for broker or database."""


class SystemWatch:
    """What was seen lately of the system behind a console.

    Args:
        site: what the console knows.
        clock: POSIX time in seconds.
    """

    def __init__(self, site: Site, clock: Callable[[], float]) -> None:
        self._site = site
        self._clock = clock
        self._looking = asyncio.Lock()
        self._depths: deque[DepthSample] = deque(maxlen=KEPT)
        self._parts: dict[str, Part] = {}
        self._looked_at = 0.0
        self._engine = build_engine(site.settings) if site.app.uses_database(site.settings) else None

    @property
    def depths(self) -> tuple[DepthSample, ...]:
        """Depths of the queues in the last minutes, oldest first."""
        return tuple(self._depths)

    async def overview(self) -> Overview:
        """Return how the system does; looks at it unless somebody has just looked."""
        async with self._looking:
            if self._clock() - self._looked_at >= PAUSE:
                await self._look()
        site, settings = self._site, self._site.settings
        watchdog = settings.watchdog.total_seconds() if settings.watchdog else None
        system = System(
            application=site.app.name, limit=settings.queue_limit, watchdog=watchdog, command=site.app.shown_command
        )
        seen = Seen(
            depths=self.depths,
            broker=self._parts["broker"],
            database=self._parts["database"],
            reports=Part(state="unknown", words="these workers do not report"),
        )
        return compose(seen, system, self._clock())

    async def _look(self) -> None:
        broker, database = await asyncio.gather(self._look_at_broker(), self._look_at_database())
        self._looked_at = self._clock()
        for name, part in (("broker", broker), ("database", database)):
            before = self._parts.get(name)
            same = before is not None and before.state == part.state
            since = before.since if before is not None and same else self._looked_at
            self._parts[name] = Part(state=part.state, words=part.words, since=since)

    async def _look_at_broker(self) -> Part:
        url = self._site.settings.amqp_url
        try:
            async with asyncio.timeout(_LIMIT):
                reports = await report_queues(url, self._site.topology)
        except TimeoutError:
            return Part(state="away", words=f"no answer from {shown_address(url)} in {_LIMIT:.0f} s")
        except BrokerTrouble as error:
            return Part(state="away", words=str(error))
        self._depths.append(depths_of(reports, self._site.topology.retries, self._clock()))
        return Part(state="ok", words=f"answers at {shown_address(url)}")

    async def _look_at_database(self) -> Part:
        if self._engine is None:
            return Part(state="unused", words="this application keeps nothing")
        shown = shown_database(self._site.settings.database_url)
        try:
            async with asyncio.timeout(_LIMIT):
                await run_in_threadpool(_ask, self._engine)
        except TimeoutError:
            return Part(state="away", words=f"no answer from {shown} in {_LIMIT:.0f} s")
        except Exception as error:  # whatever a driver raises, the page has to say it
            said = str(getattr(error, "orig", None) or error) or type(error).__name__
            return Part(state="away", words=said.splitlines()[0])
        return Part(state="ok", words=f"{shown} answers")

    def close(self) -> None:
        """Close the connection to the database."""
        if self._engine is not None:
            self._engine.dispose()


def depths_of(reports: list[QueueReport], retries: tuple[str, ...], now: float) -> DepthSample:
    """Return the depths of the queues of one look: the first is that of requests, the last that of letters."""
    waits = [report.messages or 0 for report in reports if report.name in retries]
    first, last = reports[0], reports[-1]
    return DepthSample(
        at=now, waiting=first.messages, retrying=sum(waits), letters=last.messages, consumers=first.consumers
    )


def _ask(engine: sa.Engine) -> None:
    with engine.connect().execution_options(writes=False) as connection:
        connection.execute(sa.text("SELECT 1"))
