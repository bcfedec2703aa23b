"""How a command ends: the exit code of each error, and one clear line for everything that was to be expected."""

from __future__ import annotations

import sys
from typing import Final, NoReturn

from leveret.broker.connecting import BrokerTrouble
from leveret.devbroker import BrokerFailed, BrokerMissing
from leveret.errors import (
    InvalidRequest,
    NoAnswer,
    NotSent,
    RequestError,
    StorageBusy,
    StorageFailed,
    StorageUnavailable,
    WorkerDeaf,
    WorkerStopped,
)
from leveret.process.exit_codes import DEAF, FAILED, NO_ANSWER, WRONG_USE
from taskmanager.cli.streams import tell
from taskmanager.demo.checks import DemoFailed
from taskmanager.settings import SettingsError

_CODES: Final[dict[type[Exception], int]] = {
    SettingsError: WRONG_USE,
    InvalidRequest: WRONG_USE,
    RequestError: FAILED,
    DemoFailed: FAILED,
    NotSent: NO_ANSWER,
    NoAnswer: NO_ANSWER,
    BrokerTrouble: NO_ANSWER,
    BrokerMissing: NO_ANSWER,
    BrokerFailed: NO_ANSWER,
    WorkerStopped: NO_ANSWER,
    WorkerDeaf: DEAF,
    StorageUnavailable: NO_ANSWER,
    StorageBusy: NO_ANSWER,
    StorageFailed: NO_ANSWER,
}

_WAYS_OUT: Final[dict[str, str]] = {
    "x-max-length": "Or set TASKMANAGER_QUEUE_LIMIT to what is there, which deletes nothing: off where there is none.",
    "x-message-ttl": "Or set TASKMANAGER_RETRY_DELAY to what is there, which deletes nothing.",
}
"""For each argument of a queue that a setting decides on."""

_OTHER_BROKER: Final = "Or set TASKMANAGER_AMQP_URL to the address of a broker that runs already."

EXPECTED: Final = tuple(_CODES)
"""Errors that need no traceback."""


class WrongUse(SettingsError):
    """Arguments that cannot be used, found by the command itself."""

    def __init__(self, text: str) -> None:
        super().__init__([text])


def end_with(error: Exception) -> NoReturn:
    """Say in words on standard error what is wrong, and end with the exit code for it."""
    lines = str(error).splitlines() or [type(error).__name__]
    if isinstance(error, SettingsError) and len(lines) > 1:
        lines = [f"{len(lines)} settings cannot be used:", *(f"  {line}" for line in lines)]
    if way_out := _WAYS_OUT.get(getattr(error.__cause__, "argument", "")):
        lines[-1] += f" {way_out}"
    if isinstance(error, BrokerMissing):
        lines.append(_OTHER_BROKER)
    text = "\n".join(lines)
    tell(f"taskmanager: {text}\n")
    sys.exit(code_of(error))


def code_of(error: Exception) -> int:
    """Give the exit code for an expected error: that of the nearest kind."""
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
