"""All commands, each imported only when it is used, so that a worker does not import what only other commands need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Final, TypeAlias

import typer
from typer.core import TyperGroup
from typer.main import get_group

from leveret.cli.finding.target import OPTIONS
from leveret.cli.terminal.help_texts import make_readable
from leveret.process.garbage import without_collection

Found: TypeAlias = typer.Typer | Callable[..., None]
"""A group of commands, or one command."""

COMMANDS: Final[Mapping[str, str]] = {
    "dev": "leveret.cli.dev.command:dev",
    "worker": "leveret.cli.serving.worker:worker",
    "call": "leveret.cli.calling.call:call",
    "send": "leveret.cli.calling.send:send",
    "conformance": "leveret.cli.calling.conformance:conformance",
    "queues": "leveret.cli.operating.queues:queues",
    "doctor": "leveret.cli.operating.doctor:doctor",
    "top": "leveret.cli.operating.top.command:top",
    "broker": "leveret.cli.operating.broker:broker",
    "letters": "leveret.cli.operating.letters:app",
    "explain": "leveret.cli.operating.explain:explain_request",
    "recorder": "leveret.cli.operating.recorder:recorder",
    "topology": "leveret.cli.operating.topology:app",
    "db": "leveret.cli.operating.database:app",
    "keys": "leveret.cli.operating.keys:app",
    "console": "leveret.cli.operating.console:app",
    "gateway": "leveret.cli.serving.gateway:gateway",
    "clients": "leveret.cli.calling.clients:app",
    "docs": "leveret.cli.docs.group:app",
    "version": "leveret.cli.version:version",
}
"""The commands that every application has: each name with the module and the name of what it runs."""

WITHOUT_APPLICATION: Final[Mapping[str, str]] = {"new": "leveret.cli.new.command:new"}
"""The commands of ``leveret`` that work for no application, in the same form."""


def group_of(commands: Mapping[str, str | Found], usage: str, prefix: str) -> type[TyperGroup]:
    """Return the class of a group of commands, which lists them in this order.

    Args:
        commands: each name with the command, or with the module and the name of the command, which is then imported
            when it is used.
        usage: how the help of a command shows its options.
        prefix: what the names of the application's settings begin with.
    """

    class Commands(TyperGroup):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.commands: Any = _Imported(commands, usage, prefix)

    return Commands


class _Imported(Mapping[str, Any]):
    """Maps names to commands, as Typer expects; looking a command up imports it."""

    def __init__(self, commands: Mapping[str, str | Found], usage: str, prefix: str) -> None:
        self._commands = commands
        self._usage = usage
        self._prefix = prefix

    def __getitem__(self, name: str) -> Any:
        found = self._commands[name]
        if isinstance(found, str):
            module, _, attribute = found.partition(":")
            with without_collection():
                found = getattr(import_module(module), attribute)
        usage = OPTIONS if name in WITHOUT_APPLICATION else self._usage
        holder = typer.Typer()
        if isinstance(found, typer.Typer):
            holder.add_typer(found, name=name, options_metavar=usage)
        else:
            holder.command(name, options_metavar=usage)(found)
        command = get_group(holder).commands[name]
        make_readable(command, self._prefix)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(self._commands)

    def __len__(self) -> int:
        return len(self._commands)
