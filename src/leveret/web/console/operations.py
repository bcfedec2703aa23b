"""The operations that pages show and begin. A task of this process runs them; everything else is in the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from msgspec import Struct

from leveret.errors import LeveretError, SettingsError
from leveret.letters.document import secrets_of
from leveret.letters.index.opening import Source
from leveret.operate.operations import (
    LetterResult,
    OperatedSystem,
    Operations,
    OperationTrouble,
    OperationView,
    open_operations,
    run_redrive,
)
from leveret.operate.operations.options import steps_of
from leveret.operate.record import Cause
from leveret.sql.operation_rows import OperationLetter
from leveret.web.console.site import Site

T = TypeVar("T")

MOST_SHOWN: Final = 60
"""Letters of an operation on its page."""

logger: Final = logging.getLogger("leveret.console")

_PATIENCE: Final = 0.3
"""Seconds within which an operation that cannot be run says so."""

_INTERESTING: Final[tuple[tuple[LetterResult, ...], ...]] = (
    (LetterResult.FAILED, LetterResult.REFUSED, LetterResult.MISSING),
    (LetterResult.SENDING, LetterResult.SENT),
    (LetterResult.SUCCEEDED,),
    (LetterResult.WANTED,),
)
"""Which letters are shown first where not all can be."""

_STATES: Final[Mapping[str, tuple[LetterResult, ...]]] = {
    **{str(each): (each,) for each in LetterResult},
    "wanted": (LetterResult.SENDING, LetterResult.WANTED),
}
"""Which letters are meant by a word in the address; those that are being sent count as wanted."""


class OperationPage(Struct, frozen=True):
    """What the page of an operation shows.

    Attributes:
        view: how it stands.
        letters: some of its letters, the most interesting ones first.
        step: the step that it is at, from 1; 0 where it has no letters.
        steps: how many steps there are.
        waiting: whether all letters up to this step are sent, so that it waits for what becomes of them.
        remaining: estimated seconds until all letters are sent; None where it does not send, or nobody can tell.
    """

    view: OperationView
    letters: Sequence[OperationLetter]
    step: int
    steps: int
    waiting: bool
    remaining: float | None


class OperationTasks:
    """The operations that this process runs at the moment."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[OperationView]] = set()

    async def run(self, site: Site, operation: str, cause: Cause, *, take_over: bool = False) -> None:
        """Run an operation from where it stands, in the background; how it ends is in the database.

        Raises:
            OperationTrouble: there is no such operation, it is done, or somebody else runs it.
            SettingsError: there is no usable secret, or the database has not this version's tables.
        """
        task = asyncio.create_task(run_redrive(system_of(site), operation, cause, take_over=take_over))
        self._tasks.add(task)
        await asyncio.wait({task}, timeout=_PATIENCE)
        task.add_done_callback(self._forget)
        if task.done() and isinstance(error := task.exception(), OperationTrouble | SettingsError):
            raise error

    async def close(self) -> None:
        """Pause all of them, so that anybody can resume them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _forget(self, task: asyncio.Task[OperationView]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            expected = isinstance(error, LeveretError)
            logger.error("an operation ended: %s", error, exc_info=None if expected else error)


def system_of(site: Site) -> OperatedSystem:
    """Return what operations of a console work on."""
    return OperatedSystem(site.app, site.settings, source_of(site))


def source_of(site: Site) -> Source:
    """Return which letters the console is about."""
    return Source(site.settings.amqp_url, site.topology, secrets_of(site.app), site.index)


async def with_operations(site: Site, ask: Callable[[Operations], T]) -> T:
    """Open the operations in a thread, and return what a function makes of them.

    Raises:
        OperationTrouble: what the function raised.
        LeveretError: the database does not answer, refuses, or lacks this version's tables.
    """

    def work() -> T:
        with open_operations(site.app, site.settings) as operations:
            return ask(operations)

    return await asyncio.to_thread(work)


async def read_operation(site: Site, name: str, shown: str = "") -> OperationPage:
    """Return what the page of an operation shows.

    Args:
        site: what the console knows.
        name: the operation's id.
        shown: only letters in this state; empty for all.

    Raises:
        OperationTrouble: there is no such operation.
        LeveretError: see ``with_operations``.
    """

    def ask(operations: Operations) -> OperationPage:
        view = operations.find(name)
        states = [_STATES[shown]] if shown in _STATES else _INTERESTING
        letters: list[OperationLetter] = []
        for each in states:
            letters += operations.letters(view.id, each, MOST_SHOWN - len(letters))
            if len(letters) >= MOST_SHOWN:
                break
        step, steps, waiting = step_of(view)
        runs = view.is_run(datetime.fromtimestamp(site.clock(), UTC)) and not waiting
        return OperationPage(view, letters, step, steps, waiting, operations.remaining(view) if runs else None)

    return await with_operations(site, ask)


def step_of(view: OperationView) -> tuple[int, int, bool]:
    """Return at which step an operation is, of how many, and whether it waits for the letters of that step."""
    counts, steps = view.counts, steps_of(view.counts.total, view.options.steps)
    if not steps:
        return 0, 0, False
    step = next(step for step in steps if counts.handled <= step.places.stop)
    return step.number, step.of, counts.handled == step.places.stop
