"""The process in which letters are tried, and what it says to the one that waits for it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from leveret.amqp import Delivery
from leveret.application import Application
from leveret.errors import SettingsError, StorageUnavailable
from leveret.operate.what_if.judge import Judge, about_letter
from leveret.operate.what_if.opening import open_judge
from leveret.operate.what_if.predictions import Prediction
from leveret.retry import describe
from leveret.settings import Settings

_STANDARD_OUTPUT: Final = 1
_STANDARD_ERROR: Final = 2
"""Numbers of the process's streams."""

_WORK: Final = 0.02
"""Seconds of trials without a pause on SQLite, where only one transaction can write."""

_PAUSE: Final = 0.005
"""Seconds of such a pause. Whoever waits for SQLite's lock looks again and again, and finds it free in a while."""


class TrialsBegun(Struct, frozen=True, tag="begun"):
    """Lifespan and resources are opened, and the first letter is tried."""


class TrialsStopped(Struct, frozen=True, tag="stopped"):
    """Nothing is tried any more.

    Attributes:
        text: why.
        problems: where settings cannot be used: one sentence each.
        is_storage: the database does not answer.
    """

    text: str
    problems: list[str] = []
    is_storage: bool = False


TrialMessage: TypeAlias = Prediction | TrialsBegun | TrialsStopped
"""What the process says."""


class TrialTask(Struct, frozen=True):
    """What the process has to do.

    Attributes:
        app: the application.
        settings: its settings.
        letters: what it tries.
        named: somebody would ask for these very letters.
        skipped: actions whose letters are not tried, because others of them had no end.
    """

    app: Application[Any]
    settings: Settings
    letters: Sequence[Delivery]
    named: bool
    skipped: frozenset[str]


def run_task(task: TrialTask, connection: Connection, others: Connection) -> None:
    """Try letters and send what is predicted for each, in the process that was forked for it.

    The process ends with the one that it was forked of, also while an action hangs. What actions print goes to standard
    error, because the output is that of the command.

    Args:
        task: what to do.
        connection: this process's end of the pipe.
        others: the other end, which is only the other process's from now on.
    """
    others.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the other one, which ends this one
    os.dup2(_STANDARD_ERROR, _STANDARD_OUTPUT)
    sys.stdout = sys.stderr
    asyncio.run(_run(task, connection))
    os._exit(0)  # whatever threads the application has left


async def _run(task: TrialTask, connection: Connection) -> None:
    asyncio.get_running_loop().add_reader(connection.fileno(), os._exit, 1)
    try:
        async with open_judge(task.app, task.settings) as judge:
            _send(connection, TrialsBegun())
            await asyncio.to_thread(_try, judge, task, connection)
    except SettingsError as error:
        _send(connection, TrialsStopped(str(error), list(error.problems)))
    except StorageUnavailable as error:
        _send(connection, TrialsStopped(describe(error), is_storage=True))
    except Exception as error:
        _send(connection, TrialsStopped(f"letters cannot be tried: {describe(error)}"))


def _try(judge: Judge, task: TrialTask, connection: Connection) -> None:
    pauses, began = bool(task.settings.sqlite_file), time.monotonic()
    for letter in task.letters:
        _send(connection, _tried(judge, task, letter))
        if pauses and time.monotonic() - began > _WORK:
            time.sleep(_PAUSE)
            began = time.monotonic()


def _tried(judge: Judge, task: TrialTask, letter: Delivery) -> Prediction:
    if task.skipped and (about := about_letter(letter)).action in task.skipped:
        return replace(about, code="skipped", why="others of its action had no end, so it was not tried")
    return judge.judge(letter, named=task.named)


def _send(connection: Connection, message: TrialMessage) -> None:
    with suppress(BrokenPipeError):  # then this process ends
        connection.send_bytes(_write(message))


_write = msgspec.msgpack.Encoder().encode
