"""The command ``call``: calls one action and prints the response."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any
from uuid import uuid4

import typer

from leveret.cli.context import application, load_settings
from leveret.cli.endings import WrongUse
from leveret.cli.screen import print_json
from leveret.client import LONGEST_TIMEOUT, Client, ReceivedReply
from leveret.errors import InvalidRequest, Overloaded
from leveret.process.exit_codes import FAILED
from leveret.topology import Topology
from leveret.wire.codec import decode_object, refusal, without_mark


def call(
    context: typer.Context,
    action: Annotated[str, typer.Argument(help="The action, such as list_tasks.")],
    *,
    version: Annotated[str, typer.Option(help="Version of the API.")] = "v1",
    data: Annotated[
        str, typer.Option(help="The action's input, a JSON object; - reads it from standard input.")
    ] = "{}",
    token: Annotated[str, typer.Option(help="The access token that login returned.", show_default=False)] = "",
    id: Annotated[  # noqa: A002 - it is the word on the wire and in every text about it
        str | None,
        typer.Option(help="The request's id; calling again with the same id has no second effect. Default: a new one."),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the response.")] = 10.0,
) -> None:
    """Call one action and print the whole response as JSON.

    Exit code 0: the response is a result. 1: the response is an error. 2: wrong use, nothing was sent. 3: no response
    in time, or no broker. Whether the action was carried out is then unknown: call again with the same --id.
    """
    if not 0 < timeout <= LONGEST_TIMEOUT:
        raise WrongUse(
            f"--timeout: {timeout:g} is out of range, above 0 and up to {LONGEST_TIMEOUT:g} seconds is possible"
        )
    settings, given = load_settings(context), _read_data(data)
    app = application(context)
    request_id = uuid4().hex if id is None else id
    asking = _ask(
        settings.amqp_url,
        app.topology(settings),
        f"{app.name} call",
        action,
        given,
        version=version,
        token=token,
        id=request_id,
        timeout=timeout,
    )
    try:
        received = asyncio.run(asking)
    except Overloaded as error:  # the broker refused the request; print that in the form of a worker's response
        print_json(refusal(request_id, error))
        raise typer.Exit(FAILED) from error
    print_json(received.body)
    if received.reply.status == "error":
        raise typer.Exit(FAILED)


def _read_data(text: str) -> dict[str, Any]:
    body = sys.stdin.buffer.read() if text == "-" else text.encode(errors="surrogateescape")
    try:
        return decode_object(without_mark(body))
    except InvalidRequest as error:
        words = str(error).replace("Request too", "it is too", 1).replace("Request", "it", 1)
        raise WrongUse(f"--data cannot be used: {words}") from error


async def _ask(url: str, topology: Topology, name: str, action: str, data: dict[str, Any], **how: Any) -> ReceivedReply:
    async with Client(url, topology=topology, name=name) as client:
        return await client.ask(action, data, **how)
