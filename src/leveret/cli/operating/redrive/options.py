"""The options of ``letters redrive`` that say how letters are sent again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Final, TypeAlias

import typer

from leveret.cli.terminal.option_values import read_option
from leveret.operate.operations.options import RedriveOptions, read_rate, read_steps
from leveret.operate.operations.planning import MOST_OF_ONE
from leveret.settings import values

_PANEL: Final = "How they are sent"


def _option(name: str, metavar: str, text: str, reader: Callable[[str], object] | None = None) -> object:
    parser = read_option(f"--{name}", reader) if reader else None
    return typer.Option(
        f"--{name}", metavar=metavar, parser=parser, help=text, show_default=False, rich_help_panel=_PANEL
    )


Limit: TypeAlias = Annotated[
    int | None,
    _option(
        "limit", "N", f"Letters at most, the oldest ones. Default: {MOST_OF_ONE:,}.", values.number(1, MOST_OF_ONE)
    ),
]
Rate: TypeAlias = Annotated[
    float | None, _option("rate", "N/s", "Letters a second at most: 200/s, 30/m, 100/h.", read_rate)
]
Steps: TypeAlias = Annotated[
    str | None,
    _option("steps", "STEPS", "Send that many, look what becomes of them, and go on if none failed again: 1,5,50,all."),
]
StopAfter: TypeAlias = Annotated[
    int | None,
    _option("stop-after", "N", "Stop when that many have failed again.", values.number(1, MOST_OF_ONE)),
]
Wait: TypeAlias = Annotated[
    timedelta | None,
    _option(
        "wait",
        "DURATION",
        "How long nothing new may be learned until a step is over; 0s: wait for nothing. Default: longer than all "
        "retries take.",
        values.duration(timedelta(0), timedelta(days=1)),
    ),
]
DryRun: TypeAlias = Annotated[
    bool,
    typer.Option("--dry-run", help="Send nothing: print which letters would be sent.", rich_help_panel=_PANEL),
]


def options_of(
    steps: str | None, rate: float | None, stop_after: int | None, wait: timedelta | None, *, default_wait: float
) -> RedriveOptions:
    """Return the options of an operation.

    Raises:
        WrongUse: the steps cannot be used.
    """
    return RedriveOptions(
        steps=read_option("--steps", read_steps)(steps) if steps is not None else (),
        rate=rate,
        stop_after=stop_after,
        wait=wait.total_seconds() if wait is not None else default_wait,
    )
