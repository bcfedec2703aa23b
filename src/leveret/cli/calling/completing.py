"""Completes the names of actions in a shell."""

from __future__ import annotations

import typer

from leveret.cli.context import application
from leveret.cli.ending.endings import WrongUse


def action_names(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return the actions that begin with a text, each with what it does.

    They are those of the application that the command belongs to, or that pyproject.toml names; none if there is no
    application, or if it cannot be imported. A shell splits ``module:app``, so that an application which is named on
    the command line is not known here.

    Args:
        context: of the command.
        incomplete: the beginning of a name.
    """
    try:
        actions = list(application(context))
    except WrongUse:
        return []
    version = context.params.get("version") or "v1"
    found = [action for action in actions if action.version == version and action.name.startswith(incomplete)]
    return [(action.name, action.description.partition("\n")[0]) for action in found]
