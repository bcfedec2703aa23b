"""What a test's requests have come to: which are under way, which wait for a retry, and what was raised in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final, TypeAlias

from msgspec import Struct

from leveret.observe import Ended, Received, Record, Settled
from leveret.outcome import DeadLetter, Outcome, PutBack, Retry
from leveret.worker.run.async_executor import Concluded

Watched: TypeAlias = "asyncio.Future[BaseException | None]"
"""Done when an attempt of a request has raised something and is settled, or the request has come to its end."""

_LATE: Final = "TimeoutError: "
"""The beginning of what the worker writes of an attempt that took too long."""

LIMIT: Final = 10.0
"""Seconds that a test waits, at most, until everything that is due has been carried out."""


class WaitingRetry(Struct, frozen=True):
    """A request that waits in a retry queue.

    Attributes:
        id: the request's id.
        action: version and name, such as ``v1.sign``.
        number: which retry this will be, from 1.
        delay: how long it waits in all.
        left: how long it still waits.
        reason: why the attempt before it failed.
    """

    id: str
    action: str
    number: int
    delay: timedelta
    left: timedelta
    reason: str


class _Waiting(Struct, frozen=True):
    """A retry, and the moment at which it is due on the steady clock."""

    action: str
    retry: Retry
    due: float


class Ledger:
    """An observer of the worker that knows of each request of this test how far it is.

    Args:
        steady: the seconds of a clock that never goes back.
        moving: returns how many messages are under way at the broker, as far as that is known.
        changed: set whenever one of them may have come to its end.
        limit: seconds, by the machine's clock, in which everything that is due must be carried out.

    """

    def __init__(
        self,
        steady: Callable[[], float],
        moving: Callable[[], int],
        changed: asyncio.Event,
        limit: float = LIMIT,
    ) -> None:
        self._steady = steady
        self._moving = moving
        self._changed = changed
        self._limit = limit
        self._expected: dict[str, bool] = {}  # the requests under way, and whether the worker has received them
        self._waiting: dict[str, _Waiting] = {}
        self._raised: dict[str, BaseException | None] = {}
        self._watched: dict[str, list[Watched]] = {}
        self._unseen: list[BaseException] = []

    def __call__(self, record: Record) -> None:
        """Note a point in the life of a request; in the thread that passes the point."""
        if isinstance(record, Ended):
            error = record.error
            self._raised[record.subject.id] = error.__cause__ if isinstance(error, Concluded) else error
        elif isinstance(record, Received):
            self._waiting.pop(record.subject.id, None)
            self._raised.pop(record.subject.id, None)  # an attempt before it was put back, or its connection was lost
            self._expected[record.subject.id] = True
        elif isinstance(record, Settled):
            self._settle(record)

    def _settle(self, record: Settled) -> None:
        subject, outcome = record.subject, record.outcome
        if isinstance(outcome, PutBack):
            return
        self._expected.pop(subject.id, None)
        if isinstance(outcome, Retry):
            due = self._steady() + outcome.delay.total_seconds()
            self._waiting[subject.id] = _Waiting(subject.action, outcome, due)
        error = self._raised.pop(subject.id, None)
        if error is not None or not isinstance(outcome, Retry):
            self._tell(subject.id, None if error is None else _raisable(error, outcome))
        self._changed.set()

    def _tell(self, request_id: str, error: BaseException | None) -> None:
        """Tell the first call that waits for this request what was raised; keep it if none waits."""
        for watched in self._watched.get(request_id, ()):
            if not watched.done():
                watched.set_result(error)
                return
        if error is not None:
            self._unseen.append(error)

    def expect(self, request_id: str) -> None:
        """Note that a request is sent."""
        self._expected.setdefault(request_id, False)

    def forget(self, request_id: str) -> None:
        """Note that a request did not reach the worker, unless it did."""
        if self._expected.get(request_id) is False:
            del self._expected[request_id]
            self._changed.set()

    @contextmanager
    def watching(self, request_id: str) -> Iterator[Watched]:
        """Watch a request during a block. What was raised in it is not kept for others if the block raises it."""
        watched: Watched = asyncio.get_running_loop().create_future()
        self._watched.setdefault(request_id, []).append(watched)
        seen: BaseException | None = None
        try:
            yield watched
        except BaseException as raised:
            seen = raised
            raise
        finally:
            if watched.done() and (error := watched.result()) is not None and error is not seen:
                self._unseen.append(error)
            self._watched[request_id].remove(watched)
            if not self._watched[request_id]:
                del self._watched[request_id]

    def has_raised(self, request_id: str) -> bool:
        """Return whether the present attempt of a request has raised something, and is not settled yet."""
        return self._raised.get(request_id) is not None

    def raise_unseen(self) -> None:
        """Raise what was raised in actions for which no call waited, once.

        Raises:
            BaseExceptionGroup: of all of them, if there are several.
        """
        unseen, self._unseen = self._unseen, []
        if len(unseen) > 1:
            raise BaseExceptionGroup(f"{len(unseen)} attempts have failed", unseen)
        if unseen:
            raise unseen[0]

    def retries(self) -> list[WaitingRetry]:
        """Return the requests that wait in retry queues, the next one first."""
        now = self._steady()
        return [
            WaitingRetry(
                request_id,
                each.action,
                each.retry.number,
                each.retry.delay,
                timedelta(seconds=max(each.due - now, 0.0)),
                each.retry.reason,
            )
            for request_id, each in sorted(self._waiting.items(), key=lambda item: item[1].due)
        ]

    def next_due(self) -> float | None:
        """Return when the next retry is due, on the steady clock; None if none waits."""
        return min((each.due for each in self._waiting.values()), default=None)

    async def settled(self) -> None:
        """Wait until no request of this test is under way, but for those that wait in retry queues.

        Raises:
            TimeoutError: something is still under way after ten seconds; the text says what.
        """
        await asyncio.sleep(0)  # calls that were started in this turn begin
        try:
            async with asyncio.timeout(self._limit):
                while self._under_way() or self._moving():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            what = ", ".join(self._under_way()) or f"{self._moving()} messages at the broker"
            raise TimeoutError(f"After {self._limit:g} s there is still under way: {what}") from None

    def _under_way(self) -> list[str]:
        now = self._steady()
        due = [request_id for request_id, each in self._waiting.items() if each.due <= now]
        return [*self._expected, *due]


def _raisable(error: BaseException, outcome: Outcome) -> BaseException:
    """Return an error that can be raised in a test, with the error as its cause if it is another one.

    Those that end a task, an event loop or a program would do so with the test's.
    """
    if not isinstance(error, asyncio.CancelledError | SystemExit | KeyboardInterrupt | GeneratorExit):
        return error
    raisable: Exception
    if isinstance(error, asyncio.CancelledError) and (late := _late(outcome)):
        raisable = TimeoutError(late)
    else:
        raisable = RuntimeError(f"the action raised {error!r}")
    raisable.__cause__ = error
    return raisable


def _late(outcome: Outcome) -> str | None:
    """Return how long an action took that was ended because it took too long, in words."""
    match outcome:
        case Retry(reason=why) | DeadLetter(attempt=str(why)) if why.startswith(_LATE):
            return why.removeprefix(_LATE)
        case _:
            return None
