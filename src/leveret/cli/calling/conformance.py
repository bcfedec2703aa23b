"""The command ``conformance``: checks workers, or a client program, against the protocol."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from leveret.amqp import AmqpError
from leveret.broker.connecting import BrokerTrouble
from leveret.cli.calling.destination import Queues, find_destination
from leveret.cli.calling.options import Token, Version
from leveret.cli.calling.pairs import read_object
from leveret.cli.context import command_line, load_settings
from leveret.cli.ending.endings import WrongUse
from leveret.cli.terminal.option_values import read_option, seconds
from leveret.cli.terminal.screen import make_console
from leveret.contracts.conformance.checks import ConformanceCheck, failed
from leveret.contracts.conformance.client import check_client
from leveret.contracts.conformance.program import ClientProgram
from leveret.contracts.conformance.talk import WorkersUnderTest
from leveret.contracts.conformance.worker import check_worker
from leveret.process.exit_codes import FAILED
from leveret.settings import values
from leveret.wire.masking import printable

_STYLES = {"pass": "green", "fail": "bold red", "skip": "dim"}
_LONGEST = 300.0


def conformance(
    context: typer.Context,
    url: Annotated[
        str | None,
        typer.Argument(
            metavar="[URL]",
            parser=read_option("URL", values.amqp_url),
            help="The broker, amqp://USER@HOST/VHOST; by default the application's.",
            show_default=False,
        ),
    ] = None,
    *,
    queues: Queues = None,
    action: Annotated[
        str,
        typer.Option(metavar="NAME", help="An action without an effect that anybody may call with an empty input."),
    ] = "health_check",
    version: Version = "v1",
    writing: Annotated[
        str, typer.Option(metavar="NAME", help="An action with an effect, to check that each id has one effect.")
    ] = "",
    data: Annotated[
        str,
        typer.Option(metavar="JSON", help="Its input; $n in a text stands for something new in each request."),
    ] = "{}",
    token: Token = "",
    prefetch: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=read_option("--prefetch", values.number(1, 2000)),
            help="How many requests one worker process may hold.",
        ),
    ] = 200,
    limit: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            parser=read_option("--limit", seconds(_LONGEST)),
            help="How long to wait for a reply or a letter before it counts as missing.",
        ),
    ] = 10.0,
    client: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="Check this client program instead of workers, with queues of its own: 'node my-client.mjs'.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Check workers, or with --client a client program, against the protocol: docs/protocol.md.

    Workers get some hundred requests of the action, wrong ones too. Letters that these leave are taken out of their
    queue again. With --writing the action is executed about twenty times, for whoever the token names. Exit code 1:
    something is not as the protocol says.
    """
    tell: Callable[[ConformanceCheck], None] = _ignore if as_json else _tell
    if client is not None:
        running = check_client(_broker(context, url), partial(ClientProgram, client), tell)
    else:
        place = find_destination(context, url, queues)
        tested = WorkersUnderTest(
            url=place.url,
            topology=place.topology,
            action=action,
            version=version,
            limit=limit,
            prefetch=prefetch,
            writing=writing,
            data=read_object(data.encode(), "--data"),
            token=token,
        )
        running = check_worker(tested, tell)
    try:
        checks = asyncio.run(running)
    except AmqpError as error:
        raise BrokerTrouble(str(error)) from error
    if as_json:
        typer.echo(msgspec.json.encode(as_document(checks)).decode())
    else:
        typer.echo(conclusion(checks))
    if failed(checks):
        raise typer.Exit(FAILED)


def as_document(checks: Sequence[ConformanceCheck]) -> dict[str, Any]:
    """Return the checks as the command prints them with ``--json``."""
    return {"well": not failed(checks), "checks": checks}


def conclusion(checks: Sequence[ConformanceCheck]) -> str:
    """Return how many checks there are of each state: ``160 passed, 2 failed, 1 not tried``."""
    counts = Counter(check.state for check in checks)
    return f"{counts['pass']} passed, {counts['fail']} failed, {counts['skip']} not tried"


def as_line(check: ConformanceCheck) -> str:
    """Return a check in one line, without its state."""
    name = f"{check.rule}: {check.name}"
    if check.state == "fail":
        name += f": expected {check.expected}, seen {check.seen}" if check.expected else f": {check.seen}"
    elif check.state == "skip":
        name += f": {check.seen}"
    return printable(name)


def _tell(check: ConformanceCheck) -> None:
    make_console().print(Text.assemble((check.state, _STYLES[check.state]), "  ", as_line(check)), soft_wrap=True)


def _ignore(_check: ConformanceCheck) -> None:
    pass


def _broker(context: typer.Context, url: str | None) -> str:
    """Return the broker's address for a client program."""
    if url is not None:
        return url
    if not command_line(context).is_known:
        raise WrongUse("which broker? Name its address, such as amqp://HOST, or an application as MODULE:APP")
    return load_settings(context, needs_secret=False).amqp_url
