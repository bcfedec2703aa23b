"""How a command was called: under which name, and for which application."""

from __future__ import annotations

import sys
from functools import cached_property

from leveret.application import Application
from leveret.cli.program import Program
from leveret.cli.target import Target


class CommandLine:
    """The command line of one call: the program, and the application that it works for.

    Args:
        program: the program that runs.
        target: where the application is: the application itself, or where to import it from.
        module: what ``python -m`` runs to call this command again.
    """

    def __init__(self, program: Program, target: Application | Target, module: str) -> None:
        self.program = program
        self._target = target
        self._module = module

    @cached_property
    def application(self) -> Application:
        """The application, which is imported when it is first asked for.

        Raises:
            WrongUse: there is none, or it cannot be imported.
        """
        found = self._target.load() if isinstance(self._target, Target) else self._target
        self.program.prefix = found.prefix
        return found

    def again(self, *words: str) -> list[str]:
        """Return the command line that calls this command with other words, for the same application.

        -P keeps the working folder out of the import path.
        """
        target = self._target.words() if isinstance(self._target, Target) else []
        return [sys.executable, "-P", "-m", self._module, *words, *target]

    def shown(self, words: str) -> str:
        """Return what a person types to call this command with other words: ``leveret db upgrade guestbook:app``."""
        target = self._target.text if isinstance(self._target, Target) else ""
        return f"{self.program.name} {words} {target}".rstrip()
