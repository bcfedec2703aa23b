"""Runs a worker from the application's own module: ``app.run()``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

from leveret.application import Application
from leveret.cli.command import Command
from leveret.cli.finding.loading import is_loading


def run_worker(application: Application, words: Sequence[str] | None = None) -> NoReturn:
    """Run the command ``worker`` for an application, and end the process with its exit code.

    Args:
        application: what runs.
        words: options of the command; by default what the process was called with.

    Raises:
        RuntimeError: a command imports the application's module just now.
    """
    if is_loading():
        raise RuntimeError('write app.run() under if __name__ == "__main__": because other programs import this module')
    given = sys.argv[1:] if words is None else words
    Command(application.name, application, module=None, completion=False).main(["worker", *given])
