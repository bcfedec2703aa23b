"""``taskmanager demo``: shows the whole system, and checks what it shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from leveret.cli.ending.endings import WrongUse
from leveret.cli.terminal.option_values import read_option
from leveret.process.durations import parse_duration
from leveret.process.interrupts import interruptible
from leveret.settings import values
from taskmanager.demo.run import run_demo
from taskmanager.demo.system import DemoOptions


def demo(
    *,
    retry_delay: Annotated[
        str, typer.Option(metavar="DURATION", help="Pause before each retry, such as 300ms or 1s; production has 5s.")
    ] = "1s",
    workers: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=read_option("--workers", values.number(2, 16)),
            help="Worker processes, 2 to 16; one of them is killed.",
        ),
    ] = 2,
    keep: Annotated[
        bool, typer.Option("--keep", help="At the end keep everything running until Ctrl-C, to look at the queues.")
    ] = False,
) -> None:
    """Show the whole system on a private RabbitMQ node, check what is shown, and stop everything.

    If TASKMANAGER_AMQP_URL names a broker that answers, the demonstration uses that one, with queues of its own
    (demo-...) that it removes at the end. Exit code 1: a step did not show what it promises.
    """
    options = DemoOptions(retry_delay=_read_delay(retry_delay), workers=workers, keep=keep)
    with interruptible():
        run_demo(options)


def _read_delay(text: str) -> timedelta:
    try:
        delay = parse_duration(text)
    except ValueError as error:
        raise WrongUse(f"--retry-delay: {error}") from error
    if not timedelta() < delay <= timedelta(seconds=10):
        raise WrongUse(f"--retry-delay: {text} is out of range, 1ms to 10s is possible")
    return delay
