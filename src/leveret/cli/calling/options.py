"""What ``call`` and ``send`` have in common: their options, and the request that these become."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import uuid4

import typer

from leveret.api.action import Action
from leveret.cli.calling.completing import action_names
from leveret.cli.calling.destination import Destination, find_destination
from leveret.cli.calling.login import Login, log_in, read_login
from leveret.cli.calling.pairs import check_data, read_object, read_pairs
from leveret.cli.calling.text_fields import field_names, text_fields
from leveret.cli.ending.endings import WrongUse
from leveret.cli.ending.streams import tell
from leveret.cli.terminal.option_values import read_option, seconds
from leveret.client import LONGEST_TIMEOUT, Client
from leveret.errors import UnknownAction
from leveret.wire.codec import decode_reply, without_mark

ActionName = Annotated[
    str, typer.Argument(metavar="ACTION", help="The action, such as list_tasks.", autocompletion=action_names)
]
Pairs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME=VALUE]...",
        help="Fields of the action's input: name=Ada age=36. NAME:=JSON is JSON, NAME=@FILE the text of a file, "
        "NAME:=@FILE its JSON; @@ stands for one @.",
        show_default=False,
    ),
]
Version = Annotated[str, typer.Option(metavar="VERSION", help="Version of the API.")]
Data = Annotated[
    str,
    typer.Option(
        metavar="JSON",
        help="The action's input, a JSON object; - reads it from standard input. Fields that are named beside it are "
        "added, or replace its own.",
    ),
]
Token = Annotated[str, typer.Option(metavar="TOKEN", help="The access token that login returned.", show_default=False)]
LoginEmail = Annotated[
    str | None,
    typer.Option(
        "--login",
        metavar="EMAIL",
        help="Log in first, with the application's action login; asks for the password, or reads it from standard "
        "input where that is not a terminal.",
        show_default=False,
    ),
]
Id = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="The request's id; calling again with the same id has no second effect. Default: a new one.",
        show_default=False,
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        parser=read_option("--timeout", seconds(LONGEST_TIMEOUT)),
        help="How long to wait.",
    ),
]
DEFAULT_TIMEOUT = 10.0
"""Seconds that a call waits unless it is told otherwise."""


@dataclass(frozen=True, kw_only=True)
class Calling:
    """One request, where it goes, and who makes it.

    Attributes:
        destination: where it goes.
        name: name of the action.
        version: version of the API.
        data: the action's input.
        id: the request's id.
        token: the caller's token; empty for none.
        login: who logs in first, instead of a token.
        timeout: seconds to wait, for the login and for the call.
    """

    destination: Destination
    name: str
    version: str
    data: dict[str, Any]
    id: str
    token: str
    login: Login | None
    timeout: float

    @property
    def action(self) -> Action | None:
        """The action, if the application is at hand and has it."""
        return _find(self.destination, self.version, self.name)

    def hint(self, body: bytes) -> str:
        """Return what to do about an error response, where the application at hand knows more; otherwise nothing."""
        application = self.destination.application
        if application is None or decode_reply(body).code != UnknownAction.code:
            return ""
        version, dot, name = self.name.partition(".")
        if dot and any(action.version == version for action in application):
            return f"write the version as an option: {name} --version {version}"
        names = [action.name for action in application if action.version == self.version]
        return _instead(self.name, names) or f"there are {', '.join(sorted(names))} in {self.version}"

    async def authenticate(self, client: Client) -> str:
        """Log in if that was asked for, and return the token.

        Raises:
            CommandFailed: the login is refused.
        """
        return self.token if self.login is None else await log_in(client, self.login, self.timeout)


def prepare(
    context: typer.Context,
    action: str,
    pairs: Sequence[str] | None,
    *,
    version: str,
    data: str,
    token: str,
    login: str | None,
    id: str | None,  # noqa: A002 - it is the word on the wire and in every text about it
    timeout: float,
    url: str | None,
    queues: str | None,
) -> Calling:
    """Make the request that the options describe; nothing is sent yet.

    Raises:
        WrongUse: the options cannot be used, or the application cannot be imported.
        SettingsError: the application's settings cannot be used.
    """
    if login is not None and token:
        raise WrongUse("--login and --token: give one of them")
    destination = find_destination(context, url, queues)
    given = _read_data(data)
    if pairs:
        found = _find(destination, version, action)
        read = read_pairs(pairs, text_fields(found.input) if found else ())
        known = field_names(found.input) if found else None
        if known is not None and (unknown := sorted(read.keys() - known)):
            tell(f"{action} has no field {', '.join(unknown)}: it may be ignored\n")
        given |= read
        check_data(given)
    return Calling(
        destination=destination,
        name=action,
        version=version,
        data=given,
        id=uuid4().hex if id is None else id,
        token=token,
        login=None if login is None else read_login(destination, login, version, input_taken=data == "-"),
        timeout=timeout,
    )


def _instead(given: str, names: Sequence[str]) -> str:
    """Return which name may have been meant, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - seldom needed

    similar = get_close_matches(given, names, n=1)
    return f"did you mean {similar[0]}?" if similar else ""


def _find(destination: Destination, version: str, name: str) -> Action | None:
    """Return the action; None if the application is not at hand, or has not got it. The worker may be a newer one."""
    if destination.application is None:
        return None
    try:
        return destination.application.find(version, name)
    except UnknownAction:
        return None


def _read_data(text: str) -> dict[str, Any]:
    body = sys.stdin.buffer.read() if text == "-" else text.encode(errors="surrogateescape")
    return read_object(without_mark(body), "--data")
