"""What a command knows about the application that it works for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import typer

from leveret.application import Application
from leveret.cli.command_line import CommandLine
from leveret.cli.finding.private_broker import NODE, names_broker, private_url
from leveret.settings import Settings, environment


def command_line(context: typer.Context) -> CommandLine:
    """Return how the command was called."""
    found = context.find_object(CommandLine)
    if found is None:
        raise RuntimeError("this command does not belong to a leveret.cli.command.Command")
    return found


def application(context: typer.Context) -> Application:
    """Return the application that the command works for.

    Raises:
        WrongUse: there is none, or it cannot be imported.
    """
    return command_line(context).application


def load_settings(context: typer.Context, *, needs_secret: bool = True, **instead: Any) -> Settings:
    """Read the application's settings.

    If none of them names a broker, and the command ``dev`` runs a private one in the working folder, it is that one.

    Args:
        context: of the command.
        needs_secret: whether the command checks or makes tokens, so that PostgreSQL without a secret is a problem.
        instead: values that replace those of the environment; None leaves a setting as it is.

    Raises:
        WrongUse: there is no application, or it cannot be imported.
        SettingsError: names every problem.
    """
    settings = application(context).defaults.updated(environment(), needs_secret=needs_secret)
    settings = with_private_broker(context, settings)
    return replace(settings, **{name: value for name, value in instead.items() if value is not None})


def with_private_broker(context: typer.Context, settings: Settings) -> Settings:
    """Return settings with the broker that ``dev`` runs in the working folder, if they do not name another one."""
    if not names_broker(settings):
        if url := private_url():
            settings = replace(settings, amqp_url=url)
        elif NODE.is_dir():
            called = command_line(context)
            called.program.away = (
                f"`{called.shown('dev')}` does not run in this folder, where it keeps a broker: start it, or set "
                f"{settings.variable('AMQP_URL')}"
            )
    return settings
