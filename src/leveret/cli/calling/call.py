"""The command ``call``: calls one action and prints the response."""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter
from typing import Annotated

import typer

from leveret.cli.calling import destination, options
from leveret.cli.context import command_line
from leveret.cli.ending.endings import report
from leveret.cli.ending.streams import tell
from leveret.cli.program import Program
from leveret.cli.terminal.option_values import read_option
from leveret.cli.terminal.screen import print_json
from leveret.client import Client
from leveret.errors import NoAnswer, NotSent, Overloaded
from leveret.process.exit_codes import DONE, FAILED
from leveret.settings import values
from leveret.wire.codec import refusal

MOST_REPEATS = 1000
"""How often one command may send a request."""


def call(
    context: typer.Context,
    action: options.ActionName,
    pairs: options.Pairs = None,
    *,
    version: options.Version = "v1",
    data: options.Data = "{}",
    token: options.Token = "",
    login: options.LoginEmail = None,
    id: options.Id = None,  # noqa: A002 - it is the word on the wire and in every text about it
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    repeat: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=read_option("--repeat", values.number(1, MOST_REPEATS)),
            help="Send the request N times with the same id, and tell how long each response took.",
        ),
    ] = 1,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also tell the request's id and how long the response took.")
    ] = False,
    url: destination.Url = None,
    queues: destination.Queues = None,
) -> None:
    """Call one action and print the whole response as JSON.

    Exit code 0: the response is a result. 1: the response is an error. 2: wrong use, nothing was sent. 3: no response
    in time, or no broker. Whether the action was carried out is then unknown: call again with the same --id.
    """
    one = options.prepare(
        context,
        action,
        pairs,
        version=version,
        data=data,
        token=token,
        login=login,
        id=id,
        timeout=timeout,
        url=url,
        queues=queues,
    )
    if verbose:
        tell(f"id {one.id}\n")
    program = command_line(context).program
    try:
        code = asyncio.run(_call(one, repeat, program, timed=verbose or repeat > 1))
    except KeyboardInterrupt:
        tell(f"{program.name}: interrupted; the request may still be executed: call again with --id {one.id}\n")
        raise
    if code:
        raise typer.Exit(code)


async def _call(one: options.Calling, count: int, program: Program, *, timed: bool) -> int:
    """Send the request ``count`` times, print each response, and return the worst exit code."""
    worst, first = DONE, None
    async with one.destination.client("call") as client:
        token = await one.authenticate(client)
        for number in range(1, count + 1):
            began = perf_counter()
            try:
                body, code = await _response(client, one, token)
            except (NoAnswer, NotSent) as error:
                worst = max(worst, report(error, program))
                continue
            spent = perf_counter() - began
            print_json(body)
            if code and (hint := one.hint(body)):
                tell(f"{program.name}: {hint}\n")
            if timed:
                place = f"{number} of {count}: " if count > 1 else ""
                _tell_time(f"{place}{spent * 1000:.1f} ms{_comparison(one, first, body, code)}")
            first, worst = first or body, max(worst, code)
    return worst


async def _response(client: Client, one: options.Calling, token: str) -> tuple[bytes, int]:
    """Return the response as JSON, and its exit code."""
    try:
        received = await client.ask(
            one.name, one.data, version=one.version, token=token, id=one.id, timeout=one.timeout
        )
    except Overloaded as error:  # the broker refused the request; print that in the form of a worker's response
        return refusal(one.id, error), FAILED
    return received.body, DONE if received.reply.status == "ok" else FAILED


def _comparison(one: options.Calling, first: bytes | None, body: bytes, code: int) -> str:
    """Tell a repeated response from the first one; only that of an action that writes is known to be a replay."""
    if first is None:
        return ""
    if body != first:
        return ", another response"
    replayed = code == DONE and one.action is not None and one.action.writes
    return ", the stored response of the first" if replayed else ", the same response"


def _tell_time(text: str) -> None:
    sys.stdout.flush()  # so that a terminal shows it behind its response
    tell(f"{text}\n")
