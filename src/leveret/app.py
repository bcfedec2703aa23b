"""The front door: an application, and the ways to run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from leveret.api.context import S
from leveret.application import Application
from leveret.cli.command import Command
from leveret.cli.commands import COMMANDS, Found
from leveret.cli.serving.own_worker import run_worker


class App(Application[S]):
    """An API over RabbitMQ: ``app = App("guestbook")``, and ``@app.action("v1", "sign", writes=True)``.

    From its name follow the prefix of its settings (``GUESTBOOK_``), its queues (``guestbook.requests``), its SQLite
    file (``guestbook.db``), and issuer and audience of its tokens. Each can be given, see ``Application``.
    """

    def command(
        self,
        name: str | None = None,
        *,
        commands: Mapping[str, str | Found] = COMMANDS,
        help: str | None = None,  # noqa: A002 - Typer's word for it
        module: str | None = None,
        completion: bool = True,
    ) -> Command:
        """Make a command of the application's own, which has all that ``leveret`` has, without naming the application.

        Args:
            name: the command's name; by default the application's.
            commands: its subcommands in the order of its help, see ``Command``.
            help: what its help says first; by default the application's name.
            module: what ``python -m`` runs to call this command; by default its name. Workers in several processes, and
                a worker that reloads, are started so if it is installed, and otherwise by ``leveret``.
            completion: whether it offers to install completion for the shell.
        """
        called = name or self.name
        return Command(
            called, self, commands, help=help or f"{self.name}.", module=module or called, completion=completion
        )

    def run(self, words: Sequence[str] | None = None) -> NoReturn:
        """Run a worker as ``leveret worker`` does, and end the process with its exit code.

        It is for the end of a module, under ``if __name__ == "__main__":``. Every error becomes one line.

        Args:
            words: options of the command ``worker``, such as ``["-w", "2"]``; by default what the process was called
                with.

        Raises:
            RuntimeError: a command imports the module just now, because the line above it is missing.
        """
        run_worker(self, words)
