"""Logs a caller in before a call: asks for the password, and returns the token that the application's login returns."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Final

import typer
from msgspec import Struct

from leveret.api import Api
from leveret.api.action import Action
from leveret.cli.calling.destination import Destination
from leveret.cli.ending.endings import CommandFailed, WrongUse
from leveret.client import Client
from leveret.errors import RequestError
from leveret.process.exit_codes import INTERRUPTED

ACTION: Final = "login"
"""Name of the action that logs a user in."""

_FIELDS: Final = frozenset({"email", "password"})
_TOKENS: Final = ("access_token", "token")
"""Names of a login's result that hold the token."""


class Login(Struct, frozen=True):
    """Who logs in. The repr does not show the password.

    Attributes:
        version: version of the action ``login``.
        email: the user's email.
        password: the user's password.
    """

    version: str
    email: str
    password: str

    def __repr__(self) -> str:
        return f"Login(version={self.version!r}, email={self.email!r})"


def read_login(destination: Destination, email: str, version: str, *, input_taken: bool) -> Login:
    """Find the application's login, and ask for the password on the terminal.

    Where the standard input is not a terminal, its first line is the password.

    Args:
        destination: where the call goes.
        email: the user's email.
        version: version of the call; another version's login is used if this one has none.
        input_taken: whether the call's data come from the standard input.

    Raises:
        WrongUse: the application is not at hand, has no login, or there is no password.
    """
    if destination.application is None:
        raise WrongUse(
            "--login: the application has to be at hand, because its action login is looked at. Name it as "
            "MODULE:APP, or call its login and give the token with --token"
        )
    action = _find_login(destination.application, version)
    if action is None:
        raise WrongUse(
            f"--login: {destination.name} has no action {ACTION} that takes email and password, a secret. Give the "
            "token with --token"
        )
    return Login(action.version, email, _ask_password(email, input_taken=input_taken))


async def log_in(client: Client, login: Login, timeout: float) -> str:
    """Log in, and return the token.

    Raises:
        CommandFailed: the login is refused, or there is no token in its result.
        NotSent, NoAnswer: there is no answer, as for any call.
    """
    data = {"email": login.email, "password": login.password}
    try:
        result = await client.call(ACTION, data, version=login.version, timeout=timeout)
    except RequestError as error:
        raise CommandFailed(f"{login.email} cannot log in: {error}") from error
    token = _token_of(result)
    if token is None:
        raise CommandFailed(f"the result of {login.version}.{ACTION} has neither {' nor '.join(_TOKENS)}")
    return token


def _find_login(api: Api[Any], version: str) -> Action | None:
    logins: Sequence[Action] = [action for action in api if action.name == ACTION and _takes_password(action)]
    return next((action for action in logins if action.version == version), logins[0] if logins else None)


def _takes_password(action: Action) -> bool:
    return action.plain | action.secrets >= _FIELDS and "password" in action.secrets


def _token_of(result: object) -> str | None:
    if not isinstance(result, dict):
        return None
    return next((found for name in _TOKENS if isinstance(found := result.get(name), str)), None)


def _ask_password(email: str, *, input_taken: bool) -> str:
    if sys.stdin.isatty():
        try:
            return str(typer.prompt(f"Password of {email}", hide_input=True, err=True))
        except typer.Abort:  # Ctrl-C, or the end of the input
            raise typer.Exit(INTERRUPTED) from None
    if input_taken:
        raise WrongUse("--login: standard input holds the data, so the password cannot come from there too")
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise WrongUse("--login: there is no password: write it into the standard input, as one line")
    return line
