"""A worker of the suite's own: that of the application, with observers in place before it begins."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from leveret.api import Api
from leveret.observe import Observer
from taskmanager.actions import Services, app
from taskmanager.settings import Settings


async def work(
    settings: Settings, stop: asyncio.Event, *, actions: Api[Services] = app, observers: Sequence[Observer] = ()
) -> None:
    """Run a worker until it is told to stop.

    Args:
        settings: of the application; the database is prepared already.
        stop: set when it shall stop.
        actions: what it runs.
        observers: told of each point of a request's life.
    """
    async with app.worker(settings, f"faults {os.getpid()}", actions=actions, observers=observers) as worker:
        running, stopping = asyncio.create_task(worker.run()), asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        worker.stop()
        await running


def search_path() -> str:
    """Return a PYTHONPATH on which a worker of the suite finds this package, whatever its folder is."""
    own = str(Path(__file__).resolve().parent.parent)
    return os.pathsep.join(filter(None, [own, os.environ.get("PYTHONPATH")]))
