"""Runs ``worker`` in a process that starts again when a file of the application changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from leveret.cli.command_line import CommandLine
from leveret.observe import logs
from leveret.process.exit_codes import NO_ANSWER, WRONG_USE


def run_reloading(
    called: CommandLine, options: Mapping[str, object | None], flags: Sequence[str], log_level: str
) -> None:
    """Run the worker until a signal asks it to stop.

    The application is imported in the child only, so a file that cannot be imported is waited for.

    Args:
        called: how the command was called.
        options: the child's options with their values; None for one that is not given.
        flags: its other options.
        log_level: the lowest level of this process's own lines.
    """
    from leveret.process.reloading import Reloader  # noqa: PLC0415 - a worker that does not reload needs none of it
    from leveret.process.running import run  # noqa: PLC0415
    from leveret.process.watching import FileWatch, look_at  # noqa: PLC0415

    logs.configure("reload", level=log_level)
    given = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    command = called.again("worker", *given, *flags, "--reloaded")
    watch = FileWatch(partial(look_at, called.places()))
    run(Reloader(command, watch.change, final=(WRONG_USE, NO_ANSWER)).run)
