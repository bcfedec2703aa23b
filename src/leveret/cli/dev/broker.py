"""The broker that ``dev`` works with: the one that the settings name, one that runs here already, or a private node."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import typer
from msgspec import Struct

from leveret.broker.addresses import shown_address
from leveret.cli.dev.paint import Paint
from leveret.cli.ending.endings import WrongUse
from leveret.cli.finding.private_broker import FOLDER, NODE, names_broker
from leveret.devbroker import BrokerFailed, BrokerRuns, LastingBroker, answers, kept_url, running_node
from leveret.process.interrupts import undisturbed
from leveret.settings import Settings

_IGNORE: Final = "# Made by the command dev: nothing here belongs into a repository.\n*\n"

_GRACE: Final = 2.0
"""Seconds for the node to stop. RabbitMQ 3.10 with its management page waits five more for nothing, after it has closed
its queues; what is confirmed survives its end at any moment, once its queue is registered, which takes a second."""

_LOOK: Final = 1.0
"""Seconds between two looks whether the node still runs."""


class BrokerChoice(Struct, frozen=True):
    """The broker.

    Attributes:
        url: its address as it is shown.
        about: where it comes from, in a few words.
        management_url: its management page; None if nobody knows of one.
        node: the node, if this process runs it.
    """

    url: str
    about: str
    management_url: str | None = None
    node: LastingBroker | None = None

    async def ends(self) -> None:
        """Wait until a node of ours has ended by itself; without one, for ever.

        Raises:
            BrokerFailed: it has ended.
        """
        code = None
        while code is None:
            await asyncio.sleep(_LOOK)
            code = self.node.ended if self.node is not None else None
        raise BrokerFailed(f"the private broker ended by itself with exit code {code}; its log is {NODE / 'node.log'}")


@contextmanager
def open_broker(settings: Settings, paint: Paint) -> Iterator[BrokerChoice]:
    """Find the broker, or start a private node, which is stopped when the block ends.

    Raises:
        BrokerFailed: the broker that the settings name does not answer, or the node did not start.
        BrokerMissing: there is no RabbitMQ on this machine.
        WrongUse: the folder for the node cannot be made.
    """
    if names_broker(settings):
        yield _named(settings)
    elif running := running_node(NODE):
        owner = f" (process {running.pid})" if running.pid else ""
        yield BrokerChoice(
            running.url, f"of another dev in this folder{owner}; it ends with that", running.management_url
        )
    else:
        yield from _private(paint)


def _named(settings: Settings) -> BrokerChoice:
    address, variable = shown_address(settings.amqp_url), settings.variable("AMQP_URL")
    if not answers(settings.amqp_url):
        raise BrokerFailed(
            f"no broker answers at {address}, which {variable} names. Start it there, or unset {variable}: then dev "
            "starts a private one"
        )
    return BrokerChoice(address, f"from {variable}")


def _private(paint: Paint) -> Iterator[BrokerChoice]:
    _make_folder()
    former = kept_url(NODE)
    typer.echo(paint(f"A private RabbitMQ starts in {FOLDER}, which takes some seconds ...", "quiet"))
    node = LastingBroker(NODE, management=True, grace=_GRACE, moving=True)
    try:
        try:
            node.start()
        except BrokerRuns as error:
            raise BrokerFailed(
                f"another dev starts in this folder just now (process {error.pid or '?'}): start this one again when "
                "that one runs, and they share its broker; or stop that one"
            ) from error
        yield BrokerChoice(node.url, _about(former, node.url), node.management_url, node)
    finally:
        with undisturbed():
            node.stop()


def _about(former: str | None, url: str) -> str:
    if former in (None, url):
        return f"private, kept in {FOLDER}"
    return f"private, kept in {FOLDER}; a new address, because another program uses the former port"


def _make_folder() -> None:
    try:
        NODE.mkdir(parents=True, exist_ok=True)
        ignore = FOLDER / ".gitignore"
        if not ignore.exists():
            ignore.write_text(_IGNORE, encoding="utf-8")
    except OSError as error:
        raise WrongUse(
            f"{FOLDER} cannot be made in {Path.cwd()}: {error.strerror}. Start dev in a folder in which you may write"
        ) from error
