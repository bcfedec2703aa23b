"""The command ``send``: sends one request, and waits only until the broker has accepted it."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Annotated

import typer

from leveret.cli.calling import destination, options
from leveret.cli.ending.streams import tell


def send(
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
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also tell how long the broker took to accept the request.")
    ] = False,
    url: destination.Url = None,
    queues: destination.Queues = None,
) -> None:
    """Send one request without waiting for a response, and print its id once the broker has accepted it.

    The request is executed later. To get its response, call the action with the same input and this --id. Exit code 1:
    the broker refuses it, because too many wait. 2: wrong use, nothing was sent. 3: the broker did not confirm it in
    time, or there is no broker.
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
    spent = asyncio.run(_send(one))
    typer.echo(one.id)
    if verbose:
        tell(f"accepted in {spent * 1000:.1f} ms\n")


async def _send(one: options.Calling) -> float:
    """Send the request, and return how many seconds the broker took to accept it."""
    async with one.destination.client("send") as client:
        token = await one.authenticate(client)
        began = perf_counter()
        await client.send(one.name, one.data, version=one.version, token=token, id=one.id, timeout=one.timeout)
        return perf_counter() - began
