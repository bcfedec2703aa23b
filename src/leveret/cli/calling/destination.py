"""Where a call goes: to the workers of the application at hand, or to a broker and queues that the caller names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from leveret.application import Application
from leveret.cli.context import application, command_line, load_settings
from leveret.cli.ending.endings import WrongUse
from leveret.cli.terminal.option_values import read_option
from leveret.client import Client
from leveret.settings import values
from leveret.topology import Topology

Url = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        parser=read_option("--url", values.amqp_url),
        help="The broker, instead of the application's: amqp://USER@HOST/VHOST.",
        show_default=False,
    ),
]
Queues = Annotated[
    str | None,
    typer.Option(
        metavar="PREFIX",
        parser=read_option("--queues", values.queue_prefix),
        help="First part of the queues' names, instead of the application's. With --url and --queues together, "
        "neither an application nor its settings are needed.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Destination:
    """Where a call goes.

    Attributes:
        url: address of the broker.
        topology: names at the broker.
        name: what listens there: the application, or the first part of its queues' names.
        application: the application if it is at hand; it knows the types of its actions.
    """

    url: str
    topology: Topology
    name: str
    application: Application | None

    def client(self, command: str) -> Client:
        """Make a client, which the broker lists under the name of a command."""
        return Client(self.url, topology=self.topology, name=f"{self.name} {command}")


def find_destination(context: typer.Context, url: str | None, queues: str | None) -> Destination:
    """Return where a call goes.

    Args:
        context: of the command.
        url: the broker's address if the caller has named one.
        queues: first part of the queues' names if the caller has named one.

    Raises:
        WrongUse: neither an application nor both of the others are named, or the application cannot be imported.
        SettingsError: the application's settings cannot be used.
    """
    called = command_line(context)
    if url is not None and queues is not None:
        return Destination(url, Topology(queues), queues, called.application if called.is_named else None)
    if not called.is_known:
        missing = "--queues" if url is not None else "--url" if queues is not None else None
        if missing:
            raise WrongUse(f"{missing} is needed too, because no application is named")
        raise WrongUse(
            "which application? Name it as MODULE:APP, such as guestbook:app, or say where it listens: "
            "--url amqp://HOST --queues guestbook"
        )
    made = application(context)
    settings = load_settings(context, needs_secret=False, amqp_url=url, queue_prefix=queues)
    return Destination(settings.amqp_url, made.topology(settings), made.name, made)
