"""Sends the letters of one operation, step by step, and finds out what became of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final, TypeVar

from msgspec.structs import replace

from leveret.amqp import Connection
from leveret.broker.connecting import connected
from leveret.letters.sender import LetterSender
from leveret.operate.operations.accepted import accepted
from leveret.operate.operations.asking import AskedOperations
from leveret.operate.operations.operations import Claim, Operations
from leveret.operate.operations.options import Step, steps_of
from leveret.operate.operations.pace import Pace
from leveret.operate.operations.planning import OperatedSystem
from leveret.operate.operations.records import LetterResult, OperationState, RedriveProgress, progress_of
from leveret.operate.operations.results import Results
from leveret.operate.operations.sending import Portion
from leveret.sql.operation_rows import OperationLetter
from leveret.wire.words import counted

T = TypeVar("T")

_TRIES: Final = 3
"""How often the queue is gone through for letters which somebody else may hold for a moment."""

_QUICK: Final = 0.1
_SLOW: Final = 2.0
"""Seconds between two looks at what became of letters: at first, and after some in which nothing new was learned."""

_SENDING: Final = 1.0
_SLOWEST: Final = 5.0
"""Seconds between two such looks while letters are sent: at first, and after some in which nothing new was learned."""

_AGAIN: Final = 1.0
"""Seconds before the queue is gone through once more."""

_TAKEN: Final = "it is not in the queue any more: somebody else has taken it out ({state})"
_GONE: Final = "it is not in the queue: somebody else has taken it out, or holds it at the moment"
_DOUBTFUL: Final = (
    "a process ended while it sent this letter, which is not in the queue any more; it was sent, or somebody else has "
    "taken it out"
)
_UNREACHED: Final = (
    "{letters} could not be reached: too many others stay in the queue in front of them, or somebody else holds some"
)


class EndsHere(Exception):
    """An operation has to end here; the state says how, and the text why."""

    def __init__(self, state: OperationState, why: str) -> None:
        super().__init__(why)
        self.state = state


class Redrive:
    """An operation that this process runs.

    Args:
        system: the application, its settings and its letters.
        asked: the operations in the database.
        claim: the operation, claimed by this process.
        letters: all its letters, in their order.
        sender: decides what may be sent again, and makes its message.
        pace: how fast they are sent.
        by: who runs it.
        over: set when nothing more may be sent.
        tell: called when something has changed.
    """

    def __init__(
        self,
        system: OperatedSystem,
        asked: AskedOperations,
        claim: Claim,
        letters: Sequence[OperationLetter],
        sender: LetterSender,
        *,
        pace: Pace,
        by: str,
        over: asyncio.Event,
        tell: Callable[[RedriveProgress], None],
    ) -> None:
        self._system = system
        self._asked = asked
        self._view = claim.view
        self._sender = sender
        self._by = by
        self._over = over
        self._tell = tell
        self._options = claim.view.options
        self._letters = list(letters)
        self._place = {letter.letter: place for place, letter in enumerate(letters)}
        self._steps = steps_of(len(letters), self._options.steps)
        self._results = Results(system, self._place)
        self._pace = pace
        self._given_up = {each.letter for each in letters if each.state == LetterResult.SENT and each.why}
        self._accepted = accepted(claim, letters, self._steps)
        self._doubtful: set[str] = set()
        self._began = self._looked = time.monotonic()
        self._sent = 0

    async def run(self) -> None:
        """Run all steps that are not over.

        Raises:
            EndsHere: it has to end before.
            LeaseLost: it was paused, or somebody else has taken it over.
            LeveretError: the broker or the database does not answer, or refuses.
        """
        for step in self._steps:
            wanted = [
                letter for letter in self._of(step) if letter.state in (LetterResult.WANTED, LetterResult.SENDING)
            ]
            if wanted:
                async with connected(self._system.settings.amqp_url) as connection:
                    await self._send_all(connection, step, wanted)
            await self._wait(step)
            self._judge(step)

    async def _send_all(self, connection: Connection, step: Step, letters: Sequence[OperationLetter]) -> None:
        for begin in range(0, len(letters), self._pace.portion):
            portion = letters[begin : begin + self._pace.portion]
            await self._until_next(step)
            self._pace.took(len(portion))
            await self._send(connection, portion)
            self._report(step, waiting=False)
            if time.monotonic() - self._looked >= _SENDING:
                await self._learn(self._open(self._letters))
                self._report(step, waiting=False)

    async def _until_next(self, step: Step) -> None:
        """Wait until the next portion may be sent, and learn meanwhile what became of those that were sent."""
        pause = _SENDING
        while left := self._pace.wait():
            if not self._awaited(step):
                await self._rest(left)
                continue
            await self._rest(min(left, pause))
            learned = time.monotonic() - self._looked >= pause and await self._learn(self._open(self._letters))
            if learned:
                self._report(step, waiting=False)
            pause = _SENDING if learned else min(pause * 1.5, _SLOWEST)

    async def _send(self, connection: Connection, letters: Sequence[OperationLetter]) -> None:
        """Send letters, so that each is sent, refused or missing afterwards."""
        left = {letter.letter: letter for letter in letters}
        complete = True
        for _ in range(_TRIES):
            self._check()
            now = await self._ask(Operations.begin_letters, list(left.values()))
            begun = {key: _begun(letter, now) for key, letter in left.items()}
            portion = Portion(self._sender, begun, named=self._options.named)
            try:
                complete = await portion.send(
                    connection, operation=self._view.id, by=self._by, stopped=self._over.is_set
                )
            finally:
                await self._settle(portion.settled.values())
                self._results.note(portion.sent_as)
                self._sent += len(portion.sent_as)
            left = {key: letter for key, letter in left.items() if key not in portion.settled}
            await self._settle(left.values())
            if portion.refused_all:
                raise EndsHere(OperationState.STOPPED, portion.refused_all)
            if complete:
                left = await self._without_taken(left)
            if not left:
                return
            await self._rest(_AGAIN)
        if not complete:
            raise EndsHere(OperationState.STOPPED, _UNREACHED.format(letters=counted(len(left), "letter")))
        await self._settle(self._not_there(letter, _GONE) for letter in left.values())

    async def _without_taken(self, letters: Mapping[str, OperationLetter]) -> dict[str, OperationLetter]:
        """Settle those letters of which the stream says that they were taken out of the queue; return the others."""
        taken = await self._results.taken(list(letters.values()))
        await self._settle(self._not_there(letters[key], _TAKEN.format(state=state)) for key, state in taken.items())
        return {key: letter for key, letter in letters.items() if key not in taken}

    def _not_there(self, letter: OperationLetter, why: str) -> OperationLetter:
        """Return what is written of a letter that is not in the queue."""
        if letter.state != LetterResult.SENDING:
            return replace(letter, state=LetterResult.MISSING, why=why)
        self._doubtful.add(letter.letter)
        return replace(letter, state=LetterResult.SENT, why=_DOUBTFUL)

    async def _wait(self, step: Step) -> None:
        """Wait until it is known what became of all letters of a step, or nothing new is learned for too long."""
        if not self._awaited(step):
            return
        pause, changed = _QUICK, time.monotonic()
        while self._awaited(step):
            self._report(step, waiting=True)
            if await self._learn(self._open(self._letters)):
                pause, changed = _QUICK, time.monotonic()
            elif time.monotonic() - changed > self._options.wait:
                break
            else:
                pause = min(pause * 1.5, _SLOW)
            if self._awaited(step):
                await self._rest(pause)
        await self._settle(map(self._unknown, self._awaited(step)))
        self._report(step, waiting=True)

    def _unknown(self, letter: OperationLetter) -> OperationLetter:
        if letter.letter not in self._doubtful:
            return replace(letter, why=self._results.why_unknown(letter, self._options.wait))
        return letter if self._results.is_marked(letter) else replace(letter, state=LetterResult.MISSING)

    def _judge(self, step: Step) -> None:
        """Decide whether the next step follows.

        Raises:
            EndsHere: it does not.
        """
        if step.is_last:
            return
        letters = [letter for letter in self._of(step) if letter.letter not in self._accepted]
        how = f"step {step.number} of {step.of}"
        if failed := sum(letter.state == LetterResult.FAILED for letter in letters):
            raise EndsHere(OperationState.STOPPED, f"{counted(failed, 'letter')} of {how} failed again")
        unknown = sum(letter.state == LetterResult.SENT and self._results.is_answered(letter) for letter in letters)
        if unknown:
            raise EndsHere(
                OperationState.STOPPED,
                f"of {counted(unknown, 'letter')} of {how} it is not known what became of them: is a worker running?",
            )

    async def _learn(self, letters: Sequence[OperationLetter]) -> bool:
        """Look what became of letters; return whether anything new was learned.

        Raises:
            EndsHere: too many have failed again.
        """
        learned = await self._results.learn(letters)
        self._looked = time.monotonic()
        await self._settle(learned)
        failed = sum(
            letter.state == LetterResult.FAILED and letter.letter not in self._accepted for letter in self._letters
        )
        if self._options.stop_after is not None and failed >= self._options.stop_after:
            raise EndsHere(OperationState.STOPPED, f"{counted(failed, 'letter')} failed again")
        return bool(learned)

    async def _settle(self, letters: Iterable[OperationLetter]) -> None:
        letters = list(letters)
        if letters:
            await self._ask(Operations.settle_letters, letters)
        for letter in letters:
            self._letters[self._place[letter.letter]] = letter

    async def _ask(
        self, method: Callable[[Operations, str, str, list[OperationLetter]], T], letters: list[OperationLetter]
    ) -> T:
        return await self._asked.ask(method, self._view.id, self._view.owner, letters)

    async def _rest(self, seconds: float) -> None:
        """Wait, unless the operation has to end.

        Raises:
            EndsHere: it has to.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()
        self._check()

    def _check(self) -> None:
        if self._over.is_set():
            raise EndsHere(OperationState.PAUSED, f"paused by {self._by}")

    def _of(self, step: Step) -> Sequence[OperationLetter]:
        return self._letters[step.places.start : step.places.stop]

    def _awaited(self, step: Step) -> list[OperationLetter]:
        """Return those letters of a step for which it is still waited."""
        return [letter for letter in self._open(self._of(step)) if letter.letter not in self._given_up]

    def _open(self, letters: Iterable[OperationLetter]) -> list[OperationLetter]:
        """Return those of which it is not known what became of them."""
        return [letter for letter in letters if letter.state == LetterResult.SENT]

    def _report(self, step: Step, *, waiting: bool) -> None:
        rate = self._pace.measured(self._sent, time.monotonic() - self._began)
        self._tell(progress_of(self._view.id, self._letters, step, waiting=waiting, rate=rate))


def _begun(letter: OperationLetter, now: datetime) -> OperationLetter:
    """Return a letter with the moment before it was sent first."""
    return letter if letter.state == LetterResult.SENDING else replace(letter, at=now)
