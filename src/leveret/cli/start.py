"""Starts a command: from the first import on, every error becomes one line and an exit code.

Imports little more than the standard library, so that it is ready before anything can fail.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module

from leveret.cli.ending.interrupt import ended_by_interrupt
from leveret.cli.program import Program


def start(name: str, module: str) -> None:
    """Run a command, and end the process with its exit code.

    Args:
        name: the command's name, for its messages.
        module: the module that holds the command as ``command``. It is imported here, so that Ctrl-C ends a command
            silently that is still being imported, and a failing import is reported in words.
    """
    with ended_by_interrupt():
        from leveret.cli.ending.last_handler import run_to_end  # noqa: PLC0415 - here, so that Ctrl-C ends it silently
    program = Program(name)
    sys.exit(run_to_end(partial(_run, program, module), program))


def _run(program: Program, module: str) -> None:
    with ended_by_interrupt():
        from leveret.process.garbage import without_collection  # noqa: PLC0415 - a failing import is reported here

        with without_collection():
            command = import_module(module).command
    command.run(program)
