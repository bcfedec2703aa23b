"""Catches every error that a command does not: people read one line, never a traceback.

Imports little more than the standard library, so that it is ready before anything can fail.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Final

from leveret.cli.ending.interrupt import end_at_interrupt
from leveret.cli.ending.streams import OutputLost, prepare_streams, tell
from leveret.cli.program import Program
from leveret.process.exit_codes import DONE, INTERRUPTED, READER_GONE, UNFORESEEN

_LONGEST: Final = 1000
"""Characters of an unforeseen error's text that are shown."""

logger: Final = logging.getLogger("leveret.cli")


def run_to_end(command: Callable[[], None], program: Program) -> int:
    """Run a command, write out what it printed, and return its exit code; raise nothing.

    Standard streams are made safe first, see ``prepare_streams``. Warnings of libraries become lines, and so do errors
    in threads. Afterwards Ctrl-C ends the process at once, because nothing is left to clear up.
    """
    prepare_streams()
    _handle_everything(program)
    code = _code_of(command, program)
    lost = _code_of(sys.stdout.flush, program)
    return code or lost


def _code_of(step: Callable[[], object], program: Program) -> int:
    try:
        try:
            step()
        finally:
            end_at_interrupt()
    except SystemExit as ended:
        return _exit_code(ended)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OutputLost as lost:
        if lost.reader_gone:
            return READER_GONE
        tell(f"{program.name}: {lost}\n")
        return UNFORESEEN
    except BaseException as error:
        logger.critical("%s", _in_words(error, program), exc_info=error)
        return UNFORESEEN
    return DONE


def _exit_code(ended: SystemExit) -> int:
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    tell(f"{ended.code}\n")
    return 1


def _in_words(error: BaseException, program: Program) -> str:
    if isinstance(error, MemoryError):
        return "There is not enough memory; what was asked for may have been done"
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename is not None else ""
        return f"{error.strerror}{where}; what was asked for may have been done"
    text = str(error)[:_LONGEST]
    return (
        f"Unforeseen {type(error).__name__}{f': {text}' if text else ''} ({_place(error.__traceback__)}). This is a "
        f"fault of the program; what was asked for may have been done. {program.prefix}LOG_LEVEL=debug shows more"
    )


def _place(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else "nobody knows where"


class PlainHandler(logging.Handler):
    """Prints each warning of a library as one line; prints tracebacks only if the log level is ``debug``."""

    def __init__(self, program: Program) -> None:
        super().__init__(logging.WARNING)
        self._program = program

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            text = f"{self._program.name}: {_presentable(record.getMessage())}\n"
            if record.exc_info and _wants_details(self._program):
                text += "".join(traceback.format_exception(*record.exc_info))
            tell(text)
        except Exception:
            tell(f"{self._program.name}: a message of {record.name} cannot be written\n")


def _presentable(text: str) -> str:
    try:
        from leveret.wire.masking import shown  # noqa: PLC0415 - it may be the module that cannot be imported
    except Exception:
        return ascii(text)[1:-1]
    return shown(text, _LONGEST * 2)


def _wants_details(program: Program) -> bool:
    from leveret.settings.environment import environment  # noqa: PLC0415 - it may be the module that cannot be imported

    return environment().get(f"{program.prefix}LOG_LEVEL", "").strip().lower() == "debug"


def _handle_everything(program: Program) -> None:
    """Install the last handlers of logging, threads and finalizers, unless others are installed already."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(PlainHandler(program))
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = partial(_log_thread, program)
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = partial(_log_unraisable, program)


def _log_thread(program: Program, failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
        name = failed.thread.name if failed.thread is not None else "?"
        logger.error("thread %s: %s", name, _in_words(failed.exc_value, program), exc_info=failed.exc_value)


def _log_unraisable(program: Program, failed: Any) -> None:
    if isinstance(failed.exc_value, Exception) and not isinstance(failed.exc_value, OutputLost):
        logger.error("%s", _in_words(failed.exc_value, program), exc_info=failed.exc_value)
