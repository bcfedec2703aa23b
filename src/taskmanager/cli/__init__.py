"""The command ``taskmanager``."""

import sys

from taskmanager.cli.interrupt import ended_by_interrupt

__all__ = ["main"]


def main() -> None:
    """Run the command; every error becomes one line and an exit code."""
    with ended_by_interrupt():
        from taskmanager.cli.last_handler import run_to_end  # noqa: PLC0415 - here, so that Ctrl-C ends it silently
    sys.exit(run_to_end(_run))


def _run() -> None:
    with ended_by_interrupt():
        from leveret.process.garbage import without_collection  # noqa: PLC0415 - a failing import is reported here

        with without_collection():
            from taskmanager.cli import app  # noqa: PLC0415 - for the same reason
    app.main()
