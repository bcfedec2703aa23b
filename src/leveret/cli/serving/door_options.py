"""Options that the commands of doors over HTTP share."""

from __future__ import annotations

from typing import Annotated

import typer

from leveret.cli.terminal.option_values import read_option
from leveret.settings import values

MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics-port",
        metavar="PORT",
        parser=read_option("--metrics-port", values.number(0, 65535)),
        help="Serve metrics and health on this port; 0 for a free one. Default: none.",
    ),
]
MetricsAddress = Annotated[
    str,
    typer.Option(
        "--metrics-address",
        metavar="ADDRESS",
        parser=read_option("--metrics-address", values.ip_address),
        help="Where they are served.",
    ),
]
