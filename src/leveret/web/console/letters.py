"""The letters that pages show: of the index, brought up to date, or as it was left while the broker is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from msgspec import Struct

from leveret.broker.connecting import BrokerTrouble
from leveret.letters.index import LetterIndex
from leveret.letters.index.checking import difference
from leveret.letters.index.opening import index_path, open_index, up_to_date
from leveret.letters.index.schema import telling_trouble
from leveret.operate.what_if import PredictedGroup
from leveret.web.console.operations import source_of
from leveret.web.console.site import Site

_LIMIT = 300.0
"""Seconds that a trial of letters may take."""


class LettersView(Struct, frozen=True):
    """An index of letters, and how far it can be trusted.

    Attributes:
        index: it is open.
        depth: how many letters are in the queue; None while the broker is away.
        streamed: it knows all letters; otherwise the oldest 2,000.
        differs: in which way queue and index differ; empty if they do not.
        away: why the broker cannot be asked; empty if it can.
    """

    index: LetterIndex
    depth: int | None
    streamed: bool
    differs: str = ""
    away: str = ""


class TrialOutcome(Struct, frozen=True):
    """What would happen to letters if they were sent again now.

    Attributes:
        groups: letters for which the same is predicted.
        letters: how many were tried.
        missing: ids of which no letter was seen.
        trouble: why they could not be tried; empty if they could.
    """

    groups: list[PredictedGroup] = []
    letters: int = 0
    missing: list[str] = []
    trouble: str = ""


@asynccontextmanager
async def open_letters(site: Site, lock: asyncio.Lock) -> AsyncIterator[LettersView]:
    """Open the letters for the time of a block; one page at a time looks, because looking borrows letters.

    Raises:
        IndexTrouble: the file of the index cannot be used.
    """
    source = source_of(site)
    async with lock:
        try:
            async with up_to_date(source) as found:
                differs = difference(found.depth, found.present) if found.streamed else ""
                yield LettersView(found.index, found.depth, found.streamed, differs)
        except BrokerTrouble as error:
            with telling_trouble(index_path(source)), open_index(source) as index:
                yield LettersView(index, None, streamed=True, away=str(error))


async def what_if(site: Site, ids: list[str], limit: float = _LIMIT) -> TrialOutcome:
    """Try what would become of letters, in a process of its own, because an action may hang or end it."""
    if site.again is None:
        return TrialOutcome(trouble="this console cannot start another process")
    command = site.again("letters", "redrive", "--what-if", "--json", "--", *ids)  # strangers have chosen the ids
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(limit):
            output, errors = await process.communicate()
    except (TimeoutError, asyncio.CancelledError) as error:
        process.kill()
        await process.wait()
        if isinstance(error, TimeoutError):
            return TrialOutcome(trouble=f"the trial has not ended within {limit:g} s: choose fewer letters")
        raise
    return read_outcome(output, errors)


def read_outcome(output: bytes, errors: bytes) -> TrialOutcome:
    """Read what the command ``letters redrive --what-if --json`` prints; its last line is about all letters."""
    lines = output.splitlines()
    found: dict[str, Any] = msgspec.json.decode(lines[-1]) if lines else {}
    if found.get("type") != "summary":
        said = errors.decode(errors="replace").strip().splitlines()
        return TrialOutcome(trouble=said[-1] if said else "the trial ended without a result")
    return msgspec.convert(found, TrialOutcome)
