"""Runs an operation, from wherever it stands to its end, by one process at a time."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Final

from leveret.application.observing import redrive_tracing
from leveret.errors import LeveretError
from leveret.letters.sender import LetterSender
from leveret.observe.traces import RedriveSpans
from leveret.operate.operations.asking import AskedOperations, open_asked
from leveret.operate.operations.operations import LeaseLost, Operations
from leveret.operate.operations.pace import Pace
from leveret.operate.operations.planning import OperatedSystem
from leveret.operate.operations.records import OperationState, OperationView, RedriveProgress
from leveret.operate.operations.redriving import EndsHere, Redrive
from leveret.operate.record import Cause
from leveret.operate.threads import in_thread
from leveret.settings import Settings

RENEWED: Final = 1.0
"""Seconds between two renewals of a lease, which is also when a pause is seen at the latest."""

_LONGEST_NAME: Final = 100


def _nobody(_: RedriveProgress) -> None:
    pass


async def run_redrive(
    system: OperatedSystem,
    operation: str,
    cause: Cause,
    *,
    tell: Callable[[RedriveProgress], None] = _nobody,
    stop: asyncio.Event | None = None,
    take_over: bool = False,
    rate: float | None = None,
) -> OperationView:
    """Run an operation that sends letters again, until it is done, paused or stopped, and return how it stands then.

    It goes on where it stood. A letter that a process was about to send when it died is sent again if it is still in
    the queue; its request has its effect once. If this is cancelled, the operation is paused.

    Args:
        system: the application, its settings and its letters.
        operation: its id, or a beginning of it that only this one has.
        cause: who runs it.
        tell: called in the event loop when something has changed.
        stop: set it to pause the operation; what is being sent at the moment is still sent.
        take_over: run it although somebody else does; the other one then stops.
        rate: letters a second at most, this time, instead of what the operation says.

    Raises:
        OperationTrouble: there is no such operation, it is done, or somebody else runs it.
        SettingsError: there is no usable secret, the database has not this version's tables, or traces are wanted and
            OpenTelemetry is not installed.
        LeveretError: the broker or the database does not answer, or refuses. The operation has failed then, as far as
            that could be written, and can be resumed.
    """
    redriver = system.app.redriver(system.settings)
    owner = owner_name(cause.by)
    async with open_asked(system.app, system.settings) as asked, _traced(system.settings, owner) as spans:
        claim = await asked.ask(Operations.claim, operation, owner, cause, take_over=take_over)
        view = claim.view
        pace = Pace(view.options.rate if rate is None else rate)
        letters = await asked.ask(Operations.letters, view.id)
        async with _kept(asked, view, stop or asyncio.Event()) as over:
            sender = LetterSender(redriver, spans, view.id)
            redrive = Redrive(
                system, asked, claim, letters, sender, pace=pace, by=cause.kept().by, over=over, tell=tell
            )
            async with _ending(asked, view, cause):
                await redrive.run()
        return await asked.ask(Operations.find, view.id)


def owner_name(by: str) -> str:
    """Return a name for a run of an operation that no other run has."""
    return f"{by[:_LONGEST_NAME]} (process {os.getpid()} on {socket.gethostname()[:50]}, {secrets.token_hex(3)})"


@asynccontextmanager
async def _traced(settings: Settings, owner: str) -> AsyncIterator[RedriveSpans | None]:
    """Open what makes spans, if the settings ask for them; threads wait for the collector at the end."""
    with ExitStack() as stack:
        spans = await in_thread(stack.enter_context, redrive_tracing(settings, owner))
        try:
            yield spans
        finally:
            await in_thread(stack.close)


@asynccontextmanager
async def _ending(asked: AskedOperations, view: OperationView, cause: Cause) -> AsyncIterator[None]:
    """Write how the operation ended in the block, unless it is not ours any more."""

    async def end(state: OperationState, why: str = "") -> None:
        await asked.ask(Operations.end, view.id, view.owner, state, why, cause)

    try:
        yield
    except EndsHere as ended:
        await end(ended.state, str(ended))
    except LeaseLost:
        pass
    except LeveretError as error:
        with suppress(LeveretError):  # the database may be what has failed
            await end(OperationState.FAILED, str(error))
        raise
    except BaseException as error:
        interrupted = isinstance(error, asyncio.CancelledError | KeyboardInterrupt)
        how = OperationState.PAUSED if interrupted else OperationState.FAILED
        with suppress(LeveretError):
            await end(how, f"interrupted by {cause.kept().by}" if interrupted else repr(error))
        raise
    else:
        await end(OperationState.DONE)


@asynccontextmanager
async def _kept(asked: AskedOperations, view: OperationView, stop: asyncio.Event) -> AsyncIterator[asyncio.Event]:
    """Renew the lease during the block; yields what is set when nothing more may be sent."""
    over = asyncio.Event()
    keeping = asyncio.create_task(_keep(asked, view, stop, over))
    try:
        yield over
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})


async def _keep(asked: AskedOperations, view: OperationView, stop: asyncio.Event, over: asyncio.Event) -> None:
    while not over.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(RENEWED):
                await stop.wait()
        if stop.is_set():
            over.set()
            return
        with suppress(LeveretError):  # nothing is sent without the database, so that ends the operation by itself
            if not await asked.ask(Operations.renew, view.id, view.owner):
                over.set()
