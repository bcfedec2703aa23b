"""Reads the values of options: one that cannot be used is named in one line, with what is expected."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from leveret.cli.ending.endings import WrongUse

T = TypeVar("T")


def read_option(option: str, read: Callable[[str], T]) -> Callable[[Any], T]:
    """Make what Typer calls the parser of an option.

    Args:
        option: the option's name, such as ``--prefetch``.
        read: returns the value of a text, or raises a ValueError that says what is expected, as those of
            ``leveret.settings.values`` do.

    Returns:
        A function that raises ``WrongUse`` if the text cannot be used.
    """

    def value(text: Any) -> T:
        try:
            return read(str(text))  # Typer also hands over the default, which is not a text
        except ValueError as error:
            raise WrongUse(f"{option}: {error}") from None

    return value


def seconds(most: float) -> Callable[[str], float]:
    """Make a reader of a number of seconds above 0."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a number of seconds") from None
        if math.isnan(value) or not 0 < value <= most:
            raise ValueError(f"{value:g} is out of range, above 0 and up to {most:g} seconds is possible")
        return value

    return read
