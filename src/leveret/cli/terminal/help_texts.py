"""Makes the help of commands readable: whole paragraphs, the application's settings, and plain words for types."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Mapping
from typing import Any, Final

PREFIX: Final = "PREFIX_"
"""Stands in the help of commands for what the names of the application's settings begin with."""

_TYPES: Final[Mapping[str, str]] = {
    "str": "text",
    "int": "number",
    "int range": "number",
    "float": "number",
    "float range": "number",
    "directory": "path",
    "file": "path",
    "value": "text",
}
"""What people call the types of Click."""

_MARKUP: Final = re.compile(r"(?<!\\)(\[[a-z#/@][^\[\]]*\])")
"""What Rich would take for markup and leave out, such as the name of an extra; a backslash before it keeps it."""


def reflow(text: str) -> str:
    """Join the lines of each paragraph, because a terminal breaks lines where it ends and not where the source does."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(text).split("\n\n"))


def make_readable(command: Any, prefix: str) -> None:
    """Rewrite the help of a command, of its options, and of its subcommands, which name the application as it does.

    Args:
        command: of Click.
        prefix: what the names of the application's settings begin with.
    """
    for shown in (command, *command.params):
        if getattr(shown, "help", None):
            shown.help = _MARKUP.sub(r"\\\1", reflow(shown.help).replace(PREFIX, prefix))
    for parameter in command.params:
        if parameter.type.name in _TYPES:
            parameter.type = copy.copy(parameter.type)
            parameter.type.name = _TYPES[parameter.type.name]
        if parameter.param_type_name == "argument" and parameter.metavar is None and parameter.nargs == 1:
            parameter.metavar = parameter.name.upper()
    for below in getattr(command, "commands", {}).values():
        below.options_metavar = command.options_metavar
        make_readable(below, prefix)


def valued_options(command: Any) -> frozenset[str]:
    """Return the names of all options, of a command and its subcommands, that are followed by a value."""
    own = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    names = {name for option in own if not (option.is_flag or option.count) for name in option.opts}
    return frozenset(names).union(*map(valued_options, getattr(command, "commands", {}).values()))
