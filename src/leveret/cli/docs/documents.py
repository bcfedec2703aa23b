"""The commands ``docs`` for documents: what the registry says, in the forms that other tools read."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import typer

from leveret.cli.context import application, load_settings
from leveret.cli.docs.writing import Output, print_or_write
from leveret.cli.ending.endings import WrongUse


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


def asyncapi(
    context: typer.Context,
    *,
    server: Annotated[
        str, typer.Option(metavar="URL", help="Where callers find the broker, such as amqps://mq.example.com.")
    ] = "",
    output: Output = None,
) -> None:
    """Print AsyncAPI 3.1 of the application's actions over RabbitMQ, with the names that the settings make."""
    from leveret.contracts.asyncapi import build_asyncapi  # noqa: PLC0415 - the other commands do without
    from leveret.contracts.writing import document_text  # noqa: PLC0415

    if server and (urlsplit(server).scheme not in ("amqp", "amqps") or not urlsplit(server).hostname):
        raise WrongUse(f"--server {server}: expected a URL such as amqps://mq.example.com")
    app = application(context)
    topology = app.topology(load_settings(context, needs_secret=False))
    print_or_write(document_text(build_asyncapi(app, topology, server)), output)


def jsonschema(context: typer.Context, *, output: Output = None) -> None:
    """Print JSON Schema (2020-12) of all that actions take and return."""
    from leveret.contracts.json_schema import build_json_schema  # noqa: PLC0415 - the other commands do without
    from leveret.contracts.writing import document_text  # noqa: PLC0415

    print_or_write(document_text(build_json_schema(application(context))), output)
