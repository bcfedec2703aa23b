"""Watches the system behind a console for all pages that are open, and remembers the last minutes.

Nothing here is a truth: another console that looks at the same system sees the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from leveret.operate.overview import DepthSample, FlowMoment, Overview, compose, flow_history
from leveret.operate.overview.board import Board
from leveret.operate.overview.watching import system_of, watching
from leveret.web.console.site import Site

PAUSE: Final = 2.0
"""Seconds between two looks, and between two changes of a page."""

_PATIENCE: Final = 3.0
"""Seconds that the first page waits for the first look; then it says what nobody has looked at yet."""

_STEP: Final = 0.02


class SystemWatch:
    """What was seen lately of the system behind a console.

    Args:
        site: what the console knows.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._board = Board(site.clock)
        self._system = system_of(site.app, site.settings)

    @property
    def depths(self) -> tuple[DepthSample, ...]:
        """Depths of the queues in the last minutes, oldest first."""
        return self._board.seen().depths

    def history(self) -> tuple[FlowMoment, ...]:
        """Return rates and durations of the last minutes, oldest first."""
        return flow_history(self._board.seen(), self._site.clock())

    async def overview(self) -> Overview:
        """Return how the system does, as far as it was seen."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while not self._board.knows("broker", "database"):  # noqa: ASYNC110 - the board wakes only one
                    await asyncio.sleep(_STEP)
        return compose(self._board.seen(), self._system, self._site.clock())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look again and again while the block runs."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        async with watching(self._site.app, self._site.settings, board=self._board, every=PAUSE):
            await asyncio.Event().wait()
