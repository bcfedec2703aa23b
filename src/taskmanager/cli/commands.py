"""All commands, each imported only when it is used, so that a worker does not import what only other commands need.

This is the only module that imports commands inside functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_group

from leveret.process.garbage import without_collection

Found = typer.Typer | Callable[..., None]
"""A group of commands, or one command."""


class Commands(TyperGroup):
    """The group of all commands, in the order in which the help lists them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands: Any = _Imported()


class _Imported(Mapping[str, Any]):
    """Maps names to commands, as Typer expects; looking a command up imports it."""

    def __getitem__(self, name: str) -> Any:
        with without_collection():
            found = _COMMANDS[name]()
        holder = typer.Typer()
        if isinstance(found, typer.Typer):
            holder.add_typer(found, name=name)
        else:
            holder.command(name)(found)
        return get_group(holder).commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


def _demo() -> Found:
    from taskmanager.cli.demo import demo

    return demo


def _worker() -> Found:
    from taskmanager.cli.worker import worker

    return worker


def _call() -> Found:
    from taskmanager.cli.call import call

    return call


def _queues() -> Found:
    from taskmanager.cli.queues import queues

    return queues


def _broker() -> Found:
    from taskmanager.cli.broker import broker

    return broker


def _letters() -> Found:
    from taskmanager.cli import letters

    return letters.app


def _topology() -> Found:
    from taskmanager.cli import topology

    return topology.app


def _database() -> Found:
    from taskmanager.cli import database

    return database.app


def _admin() -> Found:
    from taskmanager.cli import admin

    return admin.app


def _keys() -> Found:
    from taskmanager.cli import keys

    return keys.app


_COMMANDS: Final[dict[str, Callable[[], Found]]] = {
    "demo": _demo,
    "worker": _worker,
    "call": _call,
    "queues": _queues,
    "broker": _broker,
    "letters": _letters,
    "topology": _topology,
    "db": _database,
    "admin": _admin,
    "keys": _keys,
}
