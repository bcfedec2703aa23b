"""Operations in the database of the records: each method is one transaction."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from leveret.application import Application
from leveret.letters.filters import LetterFilter
from leveret.operate.operations.options import RedriveOptions
from leveret.operate.operations.pace import measured_rate
from leveret.operate.operations.records import (
    NOT_BEGUN,
    LetterResult,
    OperationState,
    OperationTrouble,
    OperationView,
    seconds_left,
    view_of,
    written_filter,
    written_options,
)
from leveret.operate.record import Cause
from leveret.operate.record.entry import entry_of
from leveret.operate.record.opening import open_store
from leveret.settings import Settings
from leveret.sql import Store
from leveret.sql import operation_rows as rows
from leveret.sql.audit_rows import add_audit
from leveret.sql.operation_rows import Operation, OperationLetter
from leveret.wire.kept import iso_time

LEASE: Final = timedelta(seconds=30)
"""How long nobody else may run an operation after its owner was heard of last."""

_LATELY: Final = timedelta(minutes=1)
"""How far back the rate is measured at which an operation sends."""

REDRIVE: Final = "redrive"
"""The kind of operations that send letters again."""


class LeaseLost(OperationTrouble):
    """The operation is not this process's any more: it was paused, or somebody else has taken it over."""


class Claim(Struct, frozen=True):
    """An operation that somebody runs from now on.

    Attributes:
        view: how it stands.
        before: its state before; ``running`` if its process died, or was taken the operation from.
    """

    view: OperationView
    before: OperationState


class Operations:
    """What operators do to many letters, as it is kept in the database; for one thread at a time.

    Every method raises StorageUnavailable if the database does not answer, and StorageFailed if it refuses.

    Args:
        store: the database, which has this version's tables.
        clock: the time with its zone.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._clock = clock

    def plan(
        self, cause: Cause, wanted: LetterFilter, options: RedriveOptions, letters: Sequence[tuple[str, str]]
    ) -> OperationView:
        """Write an operation with its letters, and into the audit that it is about to begin.

        Args:
            cause: who, and why.
            wanted: which letters were asked for.
            options: how it is to be done.
            letters: the keys of the letters, each with the id of its request, in the order in which they are sent.
        """
        now, kept, name = self._clock(), cause.kept(), secrets.token_hex(6)
        row = Operation(
            id=name,
            kind=REDRIVE,
            filter_json=written_filter(wanted),
            options_json=written_options(options),
            by_whom=kept.by,
            why=kept.why,
            incident=kept.incident,
            created_at=now,
            state=OperationState.PAUSED,
            ended_why=NOT_BEGUN,
            owner="",
            lease_until=now,
        )
        told = {"letters": len(letters), "wanted": wanted.in_words()[:1000]}
        with self._writing() as connection:
            found = [OperationLetter(key, request, LetterResult.WANTED, "", now) for key, request in letters]
            rows.add_operation(connection, row, found)
            add_audit(connection, entry_of(cause, REDRIVE, told, at=now, operation=name))
        return view_of(row, {LetterResult.WANTED: len(letters)})

    def recent(self, most: int = 50) -> Sequence[OperationView]:
        """Return the newest operations, the newest first."""
        with self._reading() as connection:
            return [_view(connection, row) for row in rows.find_operations(connection, most=most)]

    def find(self, beginning: str) -> OperationView:
        """Return an operation by its id, or by a beginning of it that only this one has.

        Raises:
            OperationTrouble: there is none, or there are several.
        """
        with self._reading() as connection:
            return _view(connection, _found(connection, beginning))

    def remaining(self, view: OperationView) -> float | None:
        """Return the estimated seconds until all letters are sent, as whoever runs the operation sees it.

        The rate is that of the last minute. None where nothing was sent in it.
        """
        now = self._clock()
        with self._reading() as connection:
            sent, first = rows.sent_since(connection, view.id, now - _LATELY)
        rate = measured_rate(sent, (now - first).total_seconds(), view.options.rate) if first else 0.0
        return seconds_left(view.counts, rate)

    def letters(
        self, operation: str, states: Collection[str] = (), most: int | None = None
    ) -> Sequence[OperationLetter]:
        """Return letters of an operation, in its order; of some states, or of all if none is named."""
        with self._reading() as connection:
            return rows.operation_letters(connection, operation, states, most)

    def claim(self, beginning: str, owner: str, cause: Cause, *, take_over: bool = False) -> Claim:
        """Run an operation from now on, under a lease which has to be renewed.

        Args:
            beginning: of its id.
            owner: names who runs it, other than every other process.
            cause: who, for the audit, where it was begun before.
            take_over: also if somebody else runs it.

        Raises:
            OperationTrouble: there is no such operation, it is done, or somebody else runs it.
        """
        now = self._clock()
        with self._writing() as connection:
            row = _found(connection, beginning)
            if row.state == OperationState.DONE:
                raise OperationTrouble(f"operation {row.id} is done: there is nothing left to do")
            claimed = rows.claim_operation(connection, row.id, owner, until=now + LEASE, now=now, take_over=take_over)
            if not claimed:
                raise OperationTrouble(
                    f"operation {row.id} is run by {row.owner}, who was heard of until "
                    f"{iso_time(row.lease_until - LEASE)}: pause it, wait until {iso_time(row.lease_until)}, "
                    "or take it over"
                )
            if row.owner:
                what = f"{row.kind}_taken_over" if _is_run(row, now) else f"{row.kind}_resumed"
                told = {"from": row.owner, "was": row.state}
                add_audit(connection, entry_of(cause, what, told, at=now, operation=row.id))
            view = _view(connection, replace(row, state=OperationState.RUNNING, owner=owner, ended_why=""))
        return Claim(view, OperationState(row.state))

    def renew(self, operation: str, owner: str) -> bool:
        """Prolong the lease; return whether the operation still runs and is still the owner's."""
        with self._writing() as connection:
            return rows.renew_operation(connection, operation, owner, self._clock() + LEASE)

    def begin_letters(self, operation: str, owner: str, letters: Sequence[OperationLetter]) -> datetime:
        """Write that letters are about to be sent, and return the moment that is written.

        Of those about which that is written already, because a process died with them, the moment stays.

        Raises:
            LeaseLost: they may not be sent.
        """
        now = self._clock()
        with self._writing() as connection:
            if not rows.renew_operation(connection, operation, owner, now + LEASE):
                raise LeaseLost(f"operation {operation} was paused, or taken over by somebody else")
            begun = [
                replace(each, state=LetterResult.SENDING, at=now)
                for each in letters
                if each.state != LetterResult.SENDING
            ]
            rows.settle_letters(connection, operation, begun)
        return now

    def settle_letters(self, operation: str, owner: str, letters: Sequence[OperationLetter]) -> None:
        """Write what became of letters; also while the operation is paused.

        Raises:
            LeaseLost: somebody else has taken it over, and finds that out.
        """
        with self._writing() as connection:
            if not rows.owns_operation(connection, operation, owner):
                raise LeaseLost(f"operation {operation} was taken over by somebody else")
            rows.settle_letters(connection, operation, letters)

    def pause(self, beginning: str, cause: Cause) -> OperationView:
        """Let an operation pause; its process sees it within seconds, and sends nothing more.

        Raises:
            OperationTrouble: there is no such operation, or it does not run.
        """
        now = self._clock()
        with self._writing() as connection:
            row = _found(connection, beginning)
            why = f"paused by {cause.kept().by}"
            if not rows.end_operation(connection, row.id, OperationState.PAUSED, why, now=now):
                raise OperationTrouble(f"operation {row.id} does not run: it is {row.state}")
            add_audit(connection, entry_of(cause, f"{row.kind}_paused", {}, at=now, operation=row.id))
            return _view(connection, replace(row, state=OperationState.PAUSED, ended_why=why, lease_until=now))

    def end(self, operation: str, owner: str, state: OperationState, why: str, cause: Cause) -> bool:
        """Write that the owner's operation does not run any more, with the counts into the audit.

        Returns:
            Whether it was still running and still the owner's.
        """
        now = self._clock()
        with self._writing() as connection:
            if not rows.end_operation(connection, operation, state, why, now=now, owner=owner):
                return False
            told: Mapping[str, Any] = {"state": state, "why": why, **rows.count_letters(connection, operation)}
            add_audit(connection, entry_of(cause, f"{REDRIVE}_ended", told, at=now, operation=operation))
        return True

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._store.begin(writes=True) as transaction:
            yield transaction.connection

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._store.begin(writes=False) as transaction:
            yield transaction.connection


@contextmanager
def open_operations(app: Application[Any], settings: Settings) -> Iterator[Operations]:
    """Open the operations for the time of a block; SQLite gets the tables that it lacks.

    Raises:
        SettingsError: the application's PostgreSQL database does not have this version's tables, or this version cannot
            use the database.
        StorageUnavailable: the database does not answer.
        StorageFailed: it refuses, because the role lacks a right, for example.
    """
    with open_store(app, settings) as store:
        yield Operations(store)


def _found(connection: sa.Connection, beginning: str) -> Operation:
    found = rows.find_operations(connection, beginning)
    if beginning and len(found) == 1:
        return found[0]
    if beginning and found:
        raise OperationTrouble(f"several operations begin with {beginning!r}: write more of the id")
    raise OperationTrouble(f"there is no operation {beginning!r}: `letters operations` lists them")


def _view(connection: sa.Connection, row: Operation) -> OperationView:
    return view_of(row, rows.count_letters(connection, row.id))


def _is_run(row: Operation, now: datetime) -> bool:
    return row.state == OperationState.RUNNING and row.lease_until > now
