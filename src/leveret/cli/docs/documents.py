"""The commands ``docs openapi`` and ``docs jsonschema``: what the registry says, in the forms that other tools read."""

from __future__ import annotations

from typing import Annotated

import typer

from leveret.cli.context import application
from leveret.cli.docs.writing import Output, print_or_write


def openapi(
    context: typer.Context,
    *,
    server: Annotated[str, typer.Option(metavar="URL", help="Where the gateway is found.")] = "/",
    output: Output = None,
) -> None:
    """Print OpenAPI 3.1 of the application's routes over HTTP."""
    from leveret.contracts.openapi import build_openapi  # noqa: PLC0415 - the other commands do without
    from leveret.contracts.writing import document_text  # noqa: PLC0415

    print_or_write(document_text(build_openapi(application(context), server)), output)


def jsonschema(context: typer.Context, *, output: Output = None) -> None:
    """Print JSON Schema (2020-12) of all that actions take and return."""
    from leveret.contracts.json_schema import build_json_schema  # noqa: PLC0415 - the other commands do without
    from leveret.contracts.writing import document_text  # noqa: PLC0415

    print_or_write(document_text(build_json_schema(application(context))), output)
