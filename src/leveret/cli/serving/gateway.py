"""The command ``gateway``: the application's routes over HTTP."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from typing import Annotated, Final

import typer

from leveret.cli.context import application, load_settings
from leveret.cli.ending.endings import WrongUse
from leveret.cli.ending.streams import OutputLost
from leveret.cli.serving.door_options import (
    Certificate,
    CertificateKey,
    MetricsAddress,
    MetricsPort,
    check_encryption,
)
from leveret.cli.serving.log_level import LogLevel
from leveret.cli.serving.running import prepare_database
from leveret.cli.terminal.option_values import read_option, seconds
from leveret.observe import logs
from leveret.process.garbage import live_long
from leveret.process.running import run
from leveret.settings import values

_LIBRARIES: Final = ("httptools", "starlette", "uvicorn")
_LONGEST: Final = 300.0


def gateway(
    context: typer.Context,
    *,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            metavar="PORT", parser=read_option("--port", values.number(0, 65535)), help="Port; 0 for a free one."
        ),
    ] = 8080,
    direct: Annotated[
        bool, typer.Option("--direct", help="Run the actions in this process, on the database, without a broker.")
    ] = False,
    timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            parser=read_option("--timeout", seconds(_LONGEST)),
            help="How long a call may take before its caller gets 504.",
        ),
    ] = 10.0,
    docs: Annotated[
        bool, typer.Option("--docs/--no-docs", help="Serve the documents of the routes, and the pages that show them.")
    ] = True,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Let pages of this origin call from a browser; several times for several."),
    ] = None,
    cert: Certificate = None,
    key: CertificateKey = None,
    behind_proxy: Annotated[
        bool,
        typer.Option("--behind-proxy", help="A proxy speaks TLS, and sets X-Forwarded-For and -Proto."),
    ] = False,
    metrics_port: MetricsPort = None,
    metrics_address: MetricsAddress = "127.0.0.1",
    log_level: LogLevel = None,
) -> None:
    """Serve the application's routes over HTTP, each request a call over RabbitMQ, until SIGTERM or Ctrl-C."""
    if missing := [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]:
        raise WrongUse(f"the gateway needs {', '.join(missing)}: pip install 'leveret[gateway]'")
    from leveret.web.gateway.cross_origin import origin  # noqa: PLC0415 - it needs the extra
    from leveret.web.gateway.serving import GatewayOptions, serve_gateway  # noqa: PLC0415 - as above

    check_encryption(host, cert, key, behind_proxy=behind_proxy, secrets="tokens and passwords")
    try:
        origins = tuple(map(origin, allow_origin or ()))
    except ValueError as error:
        raise WrongUse(f"--allow-origin: {error}") from error
    app, settings = application(context), load_settings(context, needs_secret=direct, log_level=log_level)
    logs.configure("gateway", level=settings.log_level, form=settings.log_format)
    if direct:
        prepare_database(app, settings, migrate=False)
    metrics = None if metrics_port is None else (metrics_address, metrics_port)
    options = GatewayOptions(
        host=host,
        port=port,
        direct=direct,
        timeout=timeout,
        docs=docs,
        metrics=metrics,
        origins=origins,
        certificate=cert,
        key=key,
        behind_proxy=behind_proxy,
    )

    lost: list[OutputLost] = []

    async def main(stop: asyncio.Event) -> None:
        def tell(url: str) -> None:
            live_long()
            try:
                typer.echo(f"gateway of {app.name}: {url}")
                sys.stdout.flush()
            except OutputLost as error:  # inside of the server, which has to end in order
                lost.append(error)
                stop.set()

        await serve_gateway(app, settings, options, stop, tell)

    try:
        run(main)
    except OSError as error:
        raise WrongUse(f"{host}:{port} cannot be listened at: {error.strerror or error}. Try another --port") from error
    if lost:
        raise lost[0]
