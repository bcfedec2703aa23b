"""A command with all its subcommands: ``leveret``, or an application's own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from typer.main import get_command

from leveret.application import Application
from leveret.cli.command_line import CommandLine
from leveret.cli.commands import COMMANDS, Found, group_of
from leveret.cli.ending.endings import EXPECTED, end_with
from leveret.cli.ending.last_handler import run_to_end
from leveret.cli.finding.target import OPTIONS, USAGE, Target, split_target
from leveret.cli.program import Program
from leveret.cli.terminal.help_texts import PREFIX, reflow, valued_options
from leveret.cli.version import version_of

_HELP = """Run and watch APIs over RabbitMQ.

Commands take the application as MODULE:APP, such as guestbook:app, or from pyproject.toml in this folder:
\\[tool.leveret] app = "guestbook:app". --app-dir DIR is where its module is, --factory says that APP is a function
which makes it. Settings come from the environment, with the application's prefix: GUESTBOOK_...
"""


class Command:
    """A command with its subcommands.

    Args:
        name: the command's name.
        application: the application that it works for; None if each call names one.
        commands: its subcommands in the order of its help: each name with a function for Typer, a Typer group, or a
            text ``module:name`` of one of these, which is imported only when it is used.
        help: what its help says first.
        module: what ``python -m`` runs to call this command; None if nothing does.
        completion: whether it offers to install completion for the shell.

    Attributes:
        typer: the command as Typer knows it.
    """

    def __init__(
        self,
        name: str,
        application: Application | None = None,
        commands: Mapping[str, str | Found] = COMMANDS,
        *,
        help: str = _HELP,  # noqa: A002 - Typer's word for it
        module: str | None = None,
        completion: bool = True,
    ) -> None:
        self.name = name
        self._application = application
        self._module = module
        self.typer = typer.Typer(
            name=name,
            cls=group_of(commands, OPTIONS, application.prefix) if application else group_of(commands, USAGE, PREFIX),
            no_args_is_help=True,
            add_completion=completion,
            pretty_exceptions_enable=False,
            context_settings={"help_option_names": ["-h", "--help"]},
        )
        self.typer.callback(help=reflow(help))(self._options())

    def run(self, program: Program, words: Sequence[str] | None = None) -> None:
        """Run one call; expected errors become one line and an exit code.

        Args:
            program: the program that runs.
            words: what follows its name; by default what the process was called with.
        """
        given = list(sys.argv[1:] if words is None else words)
        try:
            called = CommandLine(program, self._application or Target(), self._module)
            if self._application is None:
                given, target = split_target(given, Path(), self._valued(given))
                called = CommandLine(program, target, self._module)
            else:
                program.prefix = self._application.prefix
            self.typer(args=given, prog_name=program.name, obj=called)
        except EXPECTED as error:
            end_with(error, program)

    def main(self, words: Sequence[str] | None = None) -> NoReturn:
        """Run one call as a program does: every error becomes one line, and the process ends with an exit code.

        Args:
            words: what follows its name; by default what the process was called with.
        """
        program = Program(self.name)
        sys.exit(run_to_end(partial(self.run, program, words), program))

    def _valued(self, words: Sequence[str]) -> frozenset[str]:
        """Return the options that take a value, of the command that the words name."""
        name = next((word for word in words if not word.startswith("-")), "")
        command = getattr(get_command(self.typer), "commands", {}).get(name)
        return frozenset() if command is None else valued_options(command)

    def _options(self) -> Callable[..., None]:
        shown = typer.Option(
            "--version", callback=self._print_version, is_eager=True, help="Print the version and exit."
        )

        def options(context: typer.Context, *, version: bool = False) -> None:  # noqa: ARG001 - its callback prints it
            if context.obj is None:  # called by Typer itself, as its test runner does
                context.obj = CommandLine(Program(self.name), self._application or Target(), self._module)

        options.__annotations__ = {"context": typer.Context, "version": Annotated[bool, shown]}
        return options

    def _print_version(self, wanted: bool) -> None:
        if wanted:
            typer.echo(f"{self.name} {self._version()}")
            raise typer.Exit

    def _version(self) -> str:
        """Return the version of the application, or that of the distribution which is named like this command."""
        if self._application is None:
            return version_of("leveret")
        return self._application.version or version_of(self.name)
