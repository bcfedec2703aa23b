"""Ends a command: maps each expected error to an exit code, and prints it as one clear line."""

from __future__ import annotations

import sys
from typing import Final, NoReturn

from leveret.broker.connecting import BrokerTrouble
from leveret.cli.ending.streams import tell
from leveret.cli.program import Program
from leveret.devbroker.errors import BrokerFailed, BrokerMissing
from leveret.errors import (
    InvalidRequest,
    NoAnswer,
    NotClosed,
    NotSent,
    RequestError,
    ResourceError,
    SettingsError,
    StorageBusy,
    StorageFailed,
    StorageUnavailable,
    WorkerDeaf,
    WorkerStopped,
)
from leveret.process.exit_codes import DEAF, FAILED, NO_ANSWER, UNFORESEEN, WRONG_USE


class CommandFailed(Exception):
    """A command of an application has failed; the text says what happened. Exit code 1."""


class WrongUse(SettingsError):
    """The command itself has found that its arguments cannot be used."""

    def __init__(self, text: str) -> None:
        super().__init__([text])


class BrokenModule(WrongUse):
    """The application's module is there, but its import fails: a change of its files may help."""


_CODES: Final[dict[type[Exception], int]] = {
    SettingsError: WRONG_USE,
    ResourceError: WRONG_USE,
    InvalidRequest: WRONG_USE,
    RequestError: FAILED,
    CommandFailed: FAILED,
    NotClosed: UNFORESEEN,
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
    "x-max-length": "Or set {}QUEUE_LIMIT to what is there, which deletes nothing: off where there is none.",
    "x-message-ttl": "Or set {}RETRY_DELAY to what is there, which deletes nothing.",
}
"""What to do about an argument of a queue that differs, for each argument that a setting decides; with a place for the
settings' prefix."""

_OTHER_BROKER: Final = "Or set {}AMQP_URL to the address of a broker that runs already."

EXPECTED: Final = tuple(_CODES)
"""Classes of errors that are reported without a traceback."""


def end_with(error: Exception, program: Program) -> NoReturn:
    """Print on standard error what is wrong, and end with the exit code of the error."""
    sys.exit(report(error, program))


def report(error: Exception, program: Program) -> int:
    """Print on standard error what is wrong, and return the exit code of the error."""
    lines = str(error).splitlines() or [type(error).__name__]
    if isinstance(error, SettingsError) and len(lines) > 1:
        lines = [f"{len(lines)} settings cannot be used:", *(f"  {line}" for line in lines)]
    if isinstance(error, ResourceError) and len(lines) > 1:
        lines = [f"{len(lines)} mistakes about resources:", *(f"  {line}" for line in lines)]
    if way_out := _WAYS_OUT.get(getattr(error.__cause__, "argument", "")):
        lines[-1] += f" {way_out.format(program.prefix)}"
    if program.away and isinstance(error, NotSent | BrokerTrouble):
        lines.append(program.away)
    if isinstance(error, BrokerMissing):
        lines.append(_OTHER_BROKER.format(program.prefix))
    text = "\n".join(lines)
    tell(f"{program.name}: {text}\n")
    return code_of(error)


def code_of(error: Exception) -> int:
    """Return the exit code of an expected error: that of its nearest class in the table."""
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
