"""Tries many letters in a process of its own: an action may hang there, or end it."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from leveret.amqp import Delivery
from leveret.application import Application
from leveret.errors import LeveretError, SettingsError, StorageUnavailable
from leveret.operate.what_if.judge import about_letter
from leveret.operate.what_if.predictions import PredictedEnd, Prediction
from leveret.operate.what_if.trial_process import TrialMessage, TrialsStopped, TrialTask, run_task
from leveret.process.processes import ending
from leveret.settings import Settings
from leveret.wire.letter import WORKERS_DIED_CODE

LIMIT: Final = 30.0
"""Seconds that a letter may take; then it has no end. PostgreSQL ends a statement after as long."""

_OPENING: Final = 120.0
"""Seconds in which lifespan and resources must be opened."""

MOST_ENDLESS: Final = 3
"""After so many letters of one action that have hung, or ended the process, its other letters are not tried."""

_read: Final = msgspec.msgpack.Decoder(TrialMessage).decode


class TrialFailed(LeveretError):
    """Letters cannot be tried; the text says why."""


def try_letters(
    app: Application[Any], settings: Settings, letters: Sequence[Delivery], *, named: bool, limit: float = LIMIT
) -> Generator[Prediction]:
    """Predict what would become of letters if they were sent again now, one after another; nothing is changed.

    They are tried in a process that is forked of this one, which must have no other thread. When an action hangs there,
    or ends the process, that is what is predicted for its letter, and another process goes on with the next one.

    Args:
        app: the application; all its actions are registered.
        settings: the settings.
        letters: what to try.
        named: somebody would ask for these very letters, so they would be sent although workers died on them.
        limit: seconds that one letter may take.

    Raises:
        SettingsError: there is no usable secret, or the database has not this version's tables.
        StorageUnavailable: the database does not answer; what was predicted before holds.
        TrialFailed: lifespan or resources cannot be opened, or this system cannot fork.
    """
    at, endless = 0, Counter[str]()
    while at < len(letters):
        skipped = frozenset(action for action, count in endless.items() if count >= MOST_ENDLESS)
        with _forked(TrialTask(app, settings, letters[at:], named, skipped)) as (connection, process):
            at_most = _OPENING
            while at < len(letters) and connection.poll(at_most) and (message := _next(connection)) is not None:
                at_most = limit
                if isinstance(message, TrialsStopped):
                    raise _error(message)
                if isinstance(message, Prediction):
                    at += 1
                    yield message
            if at < len(letters):
                prediction = _without_end(letters[at], process, limit=limit, begun=at_most == limit)
                endless[prediction.action] += 1
                at += 1
                yield prediction


def _without_end(letter: Delivery, process: Any, *, limit: float, begun: bool) -> Prediction:
    """Return what is predicted for a letter on which a process hangs, or has ended."""
    process.join(1.0)  # a process whose end of the pipe is closed has ended, or is about to
    if not begun:
        how = "they are not opened yet" if process.is_alive() else f"the process {ending(process.exitcode)}"
        raise TrialFailed(f"lifespan and resources cannot be opened: {how}")
    about = about_letter(letter)
    if process.is_alive():
        return replace(about, code="no_end", why=f"its action has not ended within {limit:g} s")
    why = f"its action would end the worker: the process {ending(process.exitcode)}"
    return replace(about, end=PredictedEnd.FAILS, code=WORKERS_DIED_CODE, why=why)


@contextmanager
def _forked(task: TrialTask) -> Iterator[tuple[Connection, Any]]:
    """Run a task in a process, and end it with the block."""
    if "fork" not in multiprocessing.get_all_start_methods():
        raise TrialFailed("letters are tried in a process that is forked, and this system cannot fork")
    forking = multiprocessing.get_context("fork")
    ours, theirs = forking.Pipe()
    process = forking.Process(target=run_task, args=(task, theirs, ours), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours, process
    finally:
        ours.close()
        process.kill()
        process.join()
        process.close()


def _next(connection: Connection) -> TrialMessage | None:
    """Return what a process says next; None where it has ended."""
    try:
        message: TrialMessage = _read(connection.recv_bytes())
    except (EOFError, ConnectionError):
        return None
    return message


def _error(message: TrialsStopped) -> LeveretError:
    if message.problems:
        return SettingsError(message.problems)
    return StorageUnavailable(message.text) if message.is_storage else TrialFailed(message.text)
