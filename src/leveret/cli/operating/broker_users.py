"""The command ``topology users``: makes the users of callers and workers at the broker."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from leveret.broker.addresses import vhost_of
from leveret.broker.granting import BrokerUser, apply_users
from leveret.cli.context import application, load_settings
from leveret.cli.ending.endings import WrongUse
from leveret.cli.operating.administrator import read_administrator


def users(
    context: typer.Context,
    *,
    caller: Annotated[str | None, typer.Option(help="Name of the callers' user.", show_default="PREFIX-caller")] = None,
    worker: Annotated[str | None, typer.Option(help="Name of the workers' user.", show_default="PREFIX-worker")] = None,
    reply_queues: Annotated[
        bool, typer.Option("--reply-queues", help="Callers may have reply queues too, not only direct reply-to.")
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            "--apply", metavar="URL", help="Make the users through the management API: http://ADMIN@HOST:15672"
        ),
    ] = None,
) -> None:
    """Print commands that make a user for callers and one for workers, each with the fewest permissions that it needs.

    With --apply the command makes these users, or sets the permissions of those that exist; it can be repeated.
    Passwords come from the settings PREFIX_BROKER_...; a new user without one gets a password, which is printed
    once.
    """
    settings = load_settings(context, needs_secret=False)
    wanted = application(context).broker_users(settings, caller, worker, reply_queues=reply_queues)
    vhost = vhost_of(settings.amqp_url)
    if wanted[0].name == wanted[1].name:
        raise WrongUse("--caller and --worker are the same name, but each needs a user of its own")
    if url is None:
        typer.echo("\n".join(_commands(wanted, vhost)))
        return
    address, administrator = read_administrator("--apply", url, settings)
    for granted in apply_users(address, administrator, vhost, wanted):
        what = "was made" if granted.made else "existed already"
        typer.echo(f"user {granted.name} {what}; it may do what it needs in vhost {vhost}, and no more")
        if granted.password:
            typer.echo(f"password of {granted.name}, shown only now: {granted.password}")


def _commands(users: Sequence[BrokerUser], vhost: str) -> Iterator[str]:
    for user in users:
        may = user.permissions
        words = ["set_permissions", "-p", vhost, user.name, may.configure, may.write, may.read]
        yield f"rabbitmqctl add_user {shlex.quote(user.name)}"
        yield "rabbitmqctl " + shlex.join(words)
