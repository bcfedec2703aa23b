"""What the index of dead letters returns."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from leveret.letters.filters import LetterState


class LetterRow(Struct, frozen=True):
    """One letter, as it stands in the index: without secrets, but not yet harmless to a terminal.

    Attributes:
        number: its place in the order in which letters came, from 1; pages begin behind one.
        key: the letter's key; see `leveret.letters.key`.
        request_id: the id of its request; empty where nobody can tell.
        action: the version and name of the action; empty where nobody can tell.
        version: the version of the API.
        worker_version: the application's version in the worker that wrote the letter; empty where that is not known.
        code: why, for programs; of a message that the broker moved, its reason, such as ``expired``.
        exception: the qualified name of the error's class; empty where no error was the reason.
        place: the file in which the error was raised, without the line.
        principal: whose request it was, as the letter's header says; empty for nobody.
        failed_at: POSIX seconds at which the request was given up; 0 where that is not known.
        size: bytes of the letter.
        group: the fingerprint of its group.
        state: what became of it.
        copies: how many messages of the queue are this letter; more than 1 after a broken connection.
        document: everything that is shown of the letter, as JSON; only where it was asked for.
    """

    number: int
    key: str
    request_id: str
    action: str
    version: str
    worker_version: str
    code: str
    exception: str
    place: str
    principal: str
    failed_at: float
    size: int
    group: str
    state: LetterState
    copies: int
    document: dict[str, Any] | None = None


class LetterPage(Struct, frozen=True):
    """Some letters, in the order that was asked for.

    Attributes:
        rows: the letters.
        after: what the next page begins behind; None where this is the last one.
    """

    rows: tuple[LetterRow, ...]
    after: int | None


class LetterGroup(Struct, frozen=True):
    """Letters of one failure; see `leveret.letters.fingerprint`.

    Attributes:
        fingerprint: of the failure.
        action: the version and name of the action.
        exception: the qualified name of the error's class; empty where no error was the reason.
        place: the file in which the error was raised, without the line.
        codes: the codes of its letters.
        versions: the application's versions in the workers that wrote its letters, as far as they are known.
        present: how many of its letters are in the queue.
        total: how many letters of it the index knows, whatever became of them.
        first_seen: POSIX seconds at which its first request was given up; 0 where that is not known.
        last_seen: POSIX seconds at which its last request was given up; 0 where that is not known.
    """

    fingerprint: str
    action: str
    exception: str
    place: str
    codes: tuple[str, ...]
    versions: tuple[str, ...]
    present: int
    total: int
    first_seen: float
    last_seen: float
