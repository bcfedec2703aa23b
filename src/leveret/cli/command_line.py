"""How a command was called: under which name, and for which application."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from leveret.application import Application
from leveret.cli.ending.endings import WrongUse
from leveret.cli.finding.target import Target, place_of
from leveret.cli.finding.whereabouts import target_of
from leveret.cli.program import Program

_PYTHON: Final = (sys.executable, "-P", "-m")
"""Runs a module; -P keeps the working folder out of the import path."""


class CommandLine:
    """The command line of one call: the program, and the application that it works for.

    Args:
        program: the program that runs.
        target: where the application is: the application itself, or where to import it from.
        module: what ``python -m`` runs to call this command again; None if nothing does.
    """

    def __init__(self, program: Program, target: Application | Target, module: str | None) -> None:
        self.program = program
        self._target = target
        self._module = module

    @property
    def is_known(self) -> bool:
        """Whether there is an application: the command belongs to one, or it is named anywhere."""
        return isinstance(self._target, Application) or bool(self._target.text)

    @property
    def is_named(self) -> bool:
        """Whether there is an application, and not only because pyproject.toml names one."""
        return self.is_known and not (isinstance(self._target, Target) and self._target.default)

    @cached_property
    def application(self) -> Application:
        """The application, which is imported when it is first asked for.

        Raises:
            WrongUse: there is none, or it cannot be imported.
        """
        return self._known(self._target.load() if isinstance(self._target, Target) else self._target)

    def reimport(self, forget: Callable[[], None]) -> Application:
        """Import the application once more, and return the new one; the former one stays as it is.

        Args:
            forget: makes Python forget the application's modules.

        Raises:
            WrongUse: it cannot be imported, or is in no module under a name.
        """
        target = self._target if isinstance(self._target, Target) else target_of(self._target)
        if target is None:
            raise WrongUse("this application cannot be imported: it is not in a variable of a module")
        forget()
        return self._known(target.load())

    def _known(self, application: Application) -> Application:
        application.complete()
        self.program.prefix = application.prefix
        application.shown_command = self.shown
        return application

    def again(self, *words: str) -> list[str]:
        """Return the command line that calls this command with other words, for the same application.

        If the module that this command runs in is not installed, it is ``leveret`` that is called, with the name of the
        module that holds the application. What stands behind a ``--`` among the words stays behind it.

        Raises:
            WrongUse: no module that can be imported holds the application under a name.
        """
        if isinstance(self._target, Target):
            return [*_PYTHON, self._module or "leveret", *with_target(words, self._target.words())]
        if self._module is not None and _is_installed(self._module):
            return [*_PYTHON, self._module, *words]
        target = target_of(self._target)
        if target is None:
            raise WrongUse(
                "another process cannot find this application: several processes need it in a variable of a module "
                "that can be imported, such as app in guestbook.py"
            )
        return [*_PYTHON, "leveret", *with_target(words, target.words())]

    def shown(self, words: str) -> str:
        """Return what a person types to call this command with other words: ``leveret db upgrade guestbook:app``."""
        target = self._target.text if isinstance(self._target, Target) and self.is_named else ""
        return f"{self.program.name} {words} {target}".rstrip()

    def places(self) -> list[Path]:
        """Return the folders and files with the application's code, for whoever waits for a change."""
        if isinstance(self._target, Target):
            return self._target.places()
        package = place_of(self._module) if self._module is not None else None
        if package is not None:
            return [package]
        target = target_of(self._target)
        return target.places() if target is not None else [Path.cwd()]


def with_target(words: Sequence[str], target: Sequence[str]) -> list[str]:
    """Return the words of a command line with those that name the application, which stand before a ``--``."""
    end = list(words).index("--") if "--" in words else len(words)
    return [*words[:end], *target, *words[end:]]


def _is_installed(module: str) -> bool:
    """Return whether a module is found without the folder of the program that runs, or the working folder."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):  # ValueError: a script that is no module has none
        return False
    if spec is None or spec.origin is None:
        return False
    return Path(spec.origin).resolve().is_relative_to(Path(sys.prefix).resolve()) or not _is_beside(Path(spec.origin))


def _is_beside(file: Path) -> bool:
    return not sys.flags.safe_path and file.resolve().is_relative_to(Path(sys.path[0] or ".").resolve())
