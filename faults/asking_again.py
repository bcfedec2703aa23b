"""Sends every request once more after the load; the stored responses have to come back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from faults.ledger import Entry
from faults.load import REASKS, REFUSED_FOR_NOW, Load, pause_wanted
from leveret.errors import NoAnswer, NotSent, RequestError


async def ask_again(load: Load, entries: Sequence[Entry]) -> None:
    """Ask for every request once more, also for those that were only sent, and store the answers in the entries."""
    room, now = asyncio.Semaphore(64), asyncio.get_running_loop().time

    async def one(number: int, entry: Entry) -> None:
        async with room:
            entry.again = []
            client = load.clients[number % len(load.clients)]
            silent, end = 0, now() + load.give_up_after
            while silent <= REASKS and now() < end:
                try:
                    answer, pause = await load.ask(entry.request, client)
                except (NotSent, NoAnswer):
                    silent += 1
                    continue
                except RequestError as error:  # such as a queue that is full
                    silent += error.code not in REFUSED_FOR_NOW
                    await asyncio.sleep(pause_wanted(error.details))
                    continue
                entry.again.append(answer)
                if answer.final:
                    return
                silent += answer.code not in REFUSED_FOR_NOW
                await asyncio.sleep(pause)

    async with asyncio.TaskGroup() as group:
        for number, entry in enumerate(entries):
            group.create_task(one(number, entry))
