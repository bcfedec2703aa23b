"""Reads settings of which some cannot be used, so that the others can be examined all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from leveret.errors import SettingsError
from leveret.settings import Settings

_ROUNDS: Final = 5
"""How many times variables are left out; one that cannot be used may hide another one."""


class ReadSettings(Struct, frozen=True):
    """Settings, and what is wrong with them.

    Attributes:
        settings: those that can be used; the others have their defaults.
        problems: what is wrong, in words, each beginning with the name of the variable.
        lost: names of the variables that cannot be used.
    """

    settings: Settings
    problems: tuple[str, ...] = ()
    lost: frozenset[str] = frozenset()


def read_settings(defaults: Settings, environ: Mapping[str, str]) -> ReadSettings:
    """Read what can be read.

    Args:
        defaults: the application's.
        environ: the environment.
    """
    try:
        return ReadSettings(defaults.updated(environ))
    except SettingsError as error:
        problems = tuple(error.problems)
    lost, left = _names(problems), dict(environ)
    for _ in range(_ROUNDS):
        left = {name: text for name, text in left.items() if name not in lost}
        try:
            return ReadSettings(defaults.updated(left, needs_secret=False), problems, lost)
        except SettingsError as error:
            lost |= _names(error.problems)
    return ReadSettings(defaults, problems, frozenset(defaults.variables()))


def _names(problems: tuple[str, ...] | list[str]) -> frozenset[str]:
    return frozenset(problem.partition(":")[0] for problem in problems)
