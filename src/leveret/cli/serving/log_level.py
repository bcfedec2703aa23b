"""The option ``--log-level``."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from leveret.cli.terminal.option_values import read_option
from leveret.settings import values

LogLevel: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--log-level",
        metavar="LEVEL",
        parser=read_option("--log-level", values.one_of("debug", "info", "warning", "error")),
        help="The lowest level that is logged: debug, info, warning or error. Default: PREFIX_LOG_LEVEL, or info.",
    ),
]
