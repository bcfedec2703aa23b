"""Send sequences through all doors, count what each took, and make a sequence that fails as short as it can be."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from support.doors.case import Answer, Case
from support.doors.houses import House
from support.doors.judging import differences, row_differences

MOST_TRIES: Final = 150
"""Runs of a sequence that fails, to shorten it."""
LEAST: Final = 2
"""Doors that each case has to go through."""
SHARE: Final = 0.75
"""Share of the cases that have to go through all doors."""


class Failure(Struct, frozen=True):
    """A sequence after which doors differ.

    Attributes:
        cases: the sequence, up to the case that shows it.
        answers: what each door answered to the last of them.
        wrong: what differs.
    """

    cases: list[Case]
    answers: Mapping[str, Answer]
    wrong: list[str]


class Tally(Struct):
    """How many cases went where.

    Attributes:
        doors: cases by door.
        actions: cases by action and door.
        width: cases by the number of doors that they went through.
        codes: cases by the code of the first answer; an empty one is a result.
    """

    doors: Counter[str] = field(default_factory=Counter)
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    width: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)

    def add(self, case: Case, answers: Mapping[str, Answer]) -> None:
        """Count a case."""
        self.doors.update(answers.keys())
        self.actions.update((case.name, name) for name in answers)
        self.width[len(answers)] += 1
        self.codes[next(iter(answers.values())).code] += 1

    def gaps(self, doors: Sequence[str], routed: Sequence[str]) -> list[str]:
        """Return where the cases did not go, although a run has to: nothing if it is worth its name.

        Args:
            doors: names of all doors.
            routed: names of the actions that each door has.
        """
        found = [f"{action} never went through {door}" for action in routed for door in doors
                 if not self.actions[action, door]]  # fmt: skip
        cases = sum(self.width.values())
        if few := sum(number for width, number in self.width.items() if width < LEAST):
            found.append(f"{few} cases went through fewer than {LEAST} doors")
        if self.width[len(doors)] < SHARE * cases:
            found.append(f"{self.width[len(doors)]} of {cases} cases went through all doors: expected {SHARE:.0%}")
        return found


class Run:
    """Sends sequences through the doors of houses."""

    def __init__(self, houses: list[House]) -> None:
        self._houses = houses
        self.tally = Tally()

    async def all(self, sequences: Sequence[list[Case]]) -> Failure | None:
        """Send sequences until one fails, and return that one, as short as it can be; None if none fails."""
        for cases in sequences:
            if failure := await self.one(cases, self.tally):
                return await self.shortened(failure)
        return None

    async def one(self, cases: Sequence[Case], tally: Tally | None = None) -> Failure | None:
        """Send one sequence to fresh databases, and return how it fails."""
        for house in self._houses:
            house.reset()
        answers: dict[str, Answer] = {}
        for number, case in enumerate(cases, 1):
            answers = await self._ask(case)
            if tally is not None:
                tally.add(case, answers)
            if wrong := differences(case, answers):
                return Failure(list(cases[:number]), answers, wrong)
        wrong = row_differences(self._houses)
        return Failure(list(cases), answers, wrong) if wrong else None

    async def shortened(self, failure: Failure) -> Failure:
        """Return the failure of a shorter sequence: without each case, and each field, that it does not need."""
        tries, shorter = MOST_TRIES, True
        while shorter and tries:
            shorter = False
            for cases in _shorter(failure.cases):
                tries -= 1
                found = await self.one(cases)
                # With fewer doors than before nobody could tell which of them is wrong.
                shorter = found is not None and len(found.answers) >= len(failure.answers)
                if found is not None and shorter:
                    failure = found
                if shorter or not tries:
                    break
        return failure

    async def _ask(self, case: Case) -> dict[str, Answer]:
        """Send a case through each door that takes it, and bring it to the databases of the others."""
        takes = [house for house in self._houses if house.door.takes(case)]
        answers, _ = await asyncio.gather(
            asyncio.gather(*(house.door.ask(case) for house in takes)),
            asyncio.gather(*(house.bring(case) for house in self._houses if house not in takes)),
        )
        return {house.door.name: answer for house, answer in zip(takes, answers, strict=True)}


def _shorter(cases: Sequence[Case]) -> Iterator[list[Case]]:
    """Return sequences that lack half of the cases, a quarter, one case, or one field."""
    for size in sorted({max(1, len(cases) // 2), max(1, len(cases) // 4), 1}, reverse=True):
        for at in range(0, len(cases), size):
            yield [*cases[:at], *cases[at + size :]]
    for at, case in enumerate(cases):
        for name in case.data:
            data = {other: value for other, value in case.data.items() if other != name}
            yield [*cases[:at], replace(case, data=data), *cases[at + 1 :]]
