"""The group of commands ``docs``."""

from __future__ import annotations

import typer

from leveret.cli.docs.contract import contract
from leveret.cli.docs.diff import diff
from leveret.cli.docs.documents import asyncapi, jsonschema, openapi

_HELP = "Documents of what the application promises, and what a change of it breaks."

app = typer.Typer(no_args_is_help=True, help=_HELP)
app.command()(openapi)
app.command()(asyncapi)
app.command()(jsonschema)
app.command()(contract)
app.command()(diff)


@app.callback()
def docs() -> None:
    """Documents of what the application promises, and what a change of it breaks."""
