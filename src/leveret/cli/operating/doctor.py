"""The command ``doctor``: says what is wrong with an installation, and what to do."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from leveret.cli.context import application, with_private_broker
from leveret.cli.operating.administrator import read_administrator
from leveret.cli.terminal.option_values import read_option, seconds
from leveret.cli.terminal.screen import make_console
from leveret.operate.doctor.checks import CHECKS
from leveret.operate.doctor.examining import examine
from leveret.operate.doctor.finding import Finding
from leveret.operate.doctor.installation import Installation, ManagementLogin
from leveret.operate.doctor.reading import read_settings
from leveret.process.exit_codes import FAILED
from leveret.settings import environment

_ROOMS: Final = {"settings": "Settings", "broker": "Broker", "database": "Database", "here": "This machine"}
_STYLES: Final = {"ok": "green", "warning": "yellow", "wrong": "bold red", "unknown": "dim"}
_WIDTH: Final = max(map(len, _STYLES))
_LONGEST_WAIT: Final = 300.0


def doctor(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a list.")] = False,
    management: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Ask the management API too, for policies and feature flags: http://ADMIN@HOST:15672"
        ),
    ] = None,
    limit: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            parser=read_option("--limit", seconds(_LONGEST_WAIT)),
            help="How long each check may take.",
        ),
    ] = 10.0,
) -> None:
    """Look for what is wrong with settings, broker, database and this machine, and say what to do; nothing is changed.

    With --management it asks for policies, bindings and feature flags too, which only the management API knows; the
    administrator's password is PREFIX_BROKER_ADMIN_PASSWORD. Exit code 1: something is wrong.
    """
    found = application(context)
    read = read_settings(found.defaults, environment())
    settings = with_private_broker(context, read.settings)
    login = None if management is None else ManagementLogin(*read_administrator("--management", management, settings))
    installation = Installation(
        application=found,
        settings=settings,
        problems=read.problems,
        lost=read.lost,
        management=login,
        limit=limit,
    )
    findings = asyncio.run(examine(installation, CHECKS))
    if as_json:
        typer.echo(json.dumps(as_document(found.name, findings), indent=2))
    else:
        _print(found.name, findings)
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(FAILED)


def as_document(name: str, findings: Sequence[Finding]) -> dict[str, object]:
    """Return the findings as the command prints them with ``--json``."""
    return {
        "application": name,
        "well": not any(finding.state == "wrong" for finding in findings),
        "findings": [msgspec.to_builtins(finding) for finding in findings],
    }


def conclusion(findings: Sequence[Finding]) -> str:
    """Return how many findings there are of each state: ``1 wrong, 2 warnings, 20 ok, 1 unknown``."""
    counts = Counter(finding.state for finding in findings)
    warnings = f"{counts['warning']} warning{'' if counts['warning'] == 1 else 's'}"
    return f"{counts['wrong']} wrong, {warnings}, {counts['ok']} ok, {counts['unknown']} unknown"


def _print(name: str, findings: Sequence[Finding]) -> None:
    console = make_console()
    for room, title in _ROOMS.items():
        here = [finding for finding in findings if finding.room == room]
        if not here:
            continue
        console.print(Text(title, "bold"))
        if console.is_terminal:
            console.print(Padding(_table(here), (0, 0, 1, 2)))
            continue
        for finding in here:
            typer.echo(f"  {finding.state:{_WIDTH}}  {finding.text}")
            if finding.advice:
                typer.echo(f"  {'':{_WIDTH}}  -> {finding.advice}")
        typer.echo()
    wrong = any(finding.state == "wrong" for finding in findings)
    console.print(Text(f"{name}: {conclusion(findings)}", "bold red" if wrong else "bold"))


def _table(findings: Sequence[Finding]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=_WIDTH)
    table.add_column(overflow="fold")
    for finding in findings:
        style = _STYLES[finding.state]
        table.add_row(Text(finding.state, style), Text(finding.text, "dim" if finding.state == "unknown" else ""))
        if finding.advice:
            table.add_row("", Text(f"-> {finding.advice}", "cyan" if finding.state != "unknown" else "dim"))
    return table
