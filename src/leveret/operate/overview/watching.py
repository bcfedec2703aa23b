"""Makes overviews again and again, of a system as it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final

from leveret.application import Application
from leveret.operate.overview.board import Board, PartName
from leveret.operate.overview.composing import compose
from leveret.operate.overview.database import watch_database
from leveret.operate.overview.queues import watch_broker
from leveret.operate.overview.records import Overview
from leveret.operate.overview.reports import watch_reports
from leveret.operate.overview.system import System
from leveret.settings import Settings

EVERY: Final = 1.0
"""Seconds between two overviews."""

FIRST: Final = 12.0
"""Seconds that the first overview waits for a part that does not answer; then it says so."""

REPORTS: Final = 2.0
"""Seconds that the first overview then waits for reports of the last minutes; it waits so long where none is made."""

_PARTS: Final[tuple[PartName, ...]] = ("broker", "database")


def system_of(application: Application[Any], settings: Settings) -> System:
    """Return what an overview has to know of an application beforehand."""
    return System(
        application=application.name,
        limit=settings.queue_limit,
        watchdog=settings.watchdog.total_seconds() if settings.watchdog else None,
        command=application.shown_command,
    )


@asynccontextmanager
async def watching(
    application: Application[Any], settings: Settings, *, board: Board | None = None, every: float = EVERY
) -> AsyncIterator[Callable[[], Overview]]:
    """Look at a system while a block runs; yield what returns an overview of this moment, without waiting.

    It works with the broker away and with the database away, and says so. Nothing is changed or declared.

    Args:
        application: the application.
        settings: its settings.
        board: where is written down what was seen.
        every: seconds between two looks at the queues.
    """
    seen, system = board or Board(), system_of(application, settings)
    topology = application.topology(settings)
    tasks = [
        asyncio.create_task(watch_broker(seen, settings.amqp_url, topology, every)),
        asyncio.create_task(watch_database(seen, application, settings)),
        asyncio.create_task(watch_reports(seen, settings.amqp_url, topology)),
    ]
    try:
        await _first(seen)
        yield partial(_look, seen, system, tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def overviews(
    application: Application[Any], settings: Settings, *, every: float = EVERY
) -> AsyncIterator[Overview]:
    """Yield an overview again and again; see `watching`."""
    async with watching(application, settings, every=every) as look:
        while True:
            yield look()
            await asyncio.sleep(every)


def _look(board: Board, system: System, tasks: Sequence[asyncio.Task[None]]) -> Overview:
    for task in tasks:
        if task.done():
            task.result()  # an error that nobody foresaw is raised, because what it looked at would stand still
    return compose(board.seen(), system, board.clock())


async def _first(board: Board) -> None:
    """Wait until every part was looked at once and the reports were read, or that has taken too long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(FIRST):
            while not board.knows(*_PARTS):
                await board.changed.wait()
                board.changed.clear()
            async with asyncio.timeout(REPORTS):
                while not board.reports_read:
                    await board.changed.wait()
                    board.changed.clear()
    board.note_reports_read()
