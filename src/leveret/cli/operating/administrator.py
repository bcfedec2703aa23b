"""Reads the option that names the broker's management API and an administrator."""

from __future__ import annotations

import sys

import typer

from leveret.broker.management import Administrator, ManagementAddress
from leveret.cli.ending.endings import WrongUse
from leveret.process.exit_codes import INTERRUPTED
from leveret.settings import Settings


def read_administrator(option: str, url: str, settings: Settings) -> tuple[ManagementAddress, Administrator]:
    """Read ``http://ADMIN@HOST:15672``; the password comes from a setting, or from a person at a terminal.

    Args:
        option: the option's name, for the texts.
        url: what it was given.
        settings: with the password of the broker's administrator.

    Raises:
        WrongUse: it is not such an address, or there is no password.
    """
    try:
        address = ManagementAddress.parse(url)
    except ValueError as error:
        raise WrongUse(f"{option}: {error}") from None
    if address.user is None:
        raise WrongUse(f"{option}: name an administrator of the broker in the address: http://ADMIN@HOST:15672")
    if address.password is not None:
        raise WrongUse(
            f"{option}: leave the password out of the address, which others on the machine can read: "
            f"set {settings.variable('BROKER_ADMIN_PASSWORD')}"
        )
    return address, Administrator(address.user, _password(option, address.user, address, settings))


def _password(option: str, user: str, address: ManagementAddress, settings: Settings) -> str:
    if settings.broker_admin_password is not None:
        return settings.broker_admin_password
    if not sys.stdin.isatty():
        raise WrongUse(f"{option}: set {settings.variable('BROKER_ADMIN_PASSWORD')} to the password of {user}")
    try:
        return str(typer.prompt(f"Password of {user} at {address}", hide_input=True, err=True))
    except typer.Abort:  # Ctrl-C, or the end of the input
        raise typer.Exit(INTERRUPTED) from None
