"""Doors that are wrong on purpose, one for each door: a run has to find every one of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from support.doors.case import Answer, Case, Door
from support.doors.houses import House


@dataclass(frozen=True)
class PlantedDoor:
    """A door with a fault.

    Attributes:
        door: the right one.
        before: changes what is sent.
        after: changes what comes back, or what was written.
    """

    door: Door
    before: Callable[[Case], Case] = lambda case: case
    after: Callable[[Case, Answer], Answer] = lambda _, answer: answer

    @property
    def name(self) -> str:
        """That of the right door."""
        return self.door.name

    def takes(self, case: Case) -> bool:
        """Return what the right door returns."""
        return self.door.takes(case)

    async def ask(self, case: Case) -> Answer:
        """Ask through the right door, with the fault."""
        return self.after(case, await self.door.ask(self.before(case)))


def planted(house: House) -> House:
    """Return a house with the fault of its door."""
    return replace(house, door=_FAULTS[house.door.name](house))


def _drops_a_field(house: House) -> Door:
    return PlantedDoor(
        house.door, before=lambda case: _with(case, {n: v for n, v in case.data.items() if n != "status"})
    )


def _names_another_code(house: House) -> Door:
    def after(_: Case, answer: Answer) -> Answer:
        return msgspec.structs.replace(answer, code="forbidden") if answer.code == "not_found" else answer

    return PlantedDoor(house.door, after=after)


def _has_another_status(house: House) -> Door:
    def after(_: Case, answer: Answer) -> Answer:
        return msgspec.structs.replace(answer, status=200) if answer.status == 201 else answer

    return PlantedDoor(house.door, after=after)


def _does_not_write(house: House) -> Door:
    def after(case: Case, answer: Answer) -> Answer:
        if case.action == "create_task" and not answer.code:
            with closing(sqlite3.connect(house.file, timeout=30)) as database, database:
                database.execute("DELETE FROM tasks WHERE id = ?", (answer.data["id"],))
        return answer

    return PlantedDoor(house.door, after=after)


def _lowers_titles(house: House) -> Door:
    def before(case: Case) -> Case:
        return _with(case, {n: v.lower() if n == "title" and isinstance(v, str) else v for n, v in case.data.items()})

    return PlantedDoor(house.door, before=before)


def _forgets_tokens(house: House) -> Door:
    return PlantedDoor(house.door, before=lambda case: msgspec.structs.replace(case, token=""))


_FAULTS: Final[Mapping[str, Callable[[House], Door]]] = {
    "client": _drops_a_field,
    "pika": _names_another_code,
    "rest": _has_another_status,
    "direct": _does_not_write,
    "python": _lowers_titles,
    "typescript": _forgets_tokens,
}


def _with(case: Case, data: dict[str, object]) -> Case:
    return msgspec.structs.replace(case, data=data)
