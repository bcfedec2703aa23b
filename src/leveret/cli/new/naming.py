"""The name of a new project, and what is made of it."""

from __future__ import annotations

import keyword
import re
import sys
from importlib.metadata import packages_distributions
from typing import Final

from msgspec import Struct

from leveret.cli.ending.endings import WrongUse

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,30}[A-Za-z0-9]|[A-Za-z]")
_TAKEN: Final = {
    "leveret": "that is the framework itself",
    "test": "Python's own tests have that name",
    "tests": "the project's tests are there",
    "deploy": "what the project needs on a server is there",
    "python": "PYTHON_VERSION, which images of Python set, would be one of its settings",
}


class ProjectName(Struct, frozen=True):
    """The name of a project.

    Attributes:
        text: as it was given, such as ``my-shop``: the name of the folder and of the distribution.
    """

    text: str

    @property
    def module(self) -> str:
        """The name of the package and of the application, such as ``my_shop``."""
        return re.sub("[.-]", "_", self.text).lower()

    def put_in(self, template: str) -> str:
        """Put the name in the place of the template's own."""
        filled = template.replace("project_name", self.module).replace("PROJECT_NAME", self.module.upper())
        return filled.replace("project-name", self.text)


def project_name(text: str) -> ProjectName:
    """Check a name.

    Raises:
        WrongUse: a package cannot have that name, or a package that projects need has it.
    """
    if not _NAME.fullmatch(text):
        raise WrongUse(
            f"{text!r} cannot be a project's name: write up to 32 letters, digits, '-', '_' and '.', beginning with a "
            "letter and ending with a letter or a digit; --folder says where it goes"
        )
    name = ProjectName(text)
    if reason := _why_not(name.module):
        raise WrongUse(f"{text} cannot be a project's name: {reason}")
    return name


def _why_not(module: str) -> str:
    """Return why a package cannot have a name, or nothing."""
    if keyword.iskeyword(module):
        return f"{module} is a word of Python's own, which cannot be imported"
    if module in _TAKEN:
        return _TAKEN[module]
    if module in map(str.lower, sys.stdlib_module_names):  # macOS and Windows have one name for cprofile and cProfile
        return f"{module} is a module of Python's standard library, which the project would hide"
    if found := packages_distributions().get(module):
        return f"{module} is a module of {found[0]}, which is installed, and the project would hide it"
    return ""
