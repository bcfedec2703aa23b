"""Arrays of PostgreSQL as texts: a whole column of values in one parameter.

psycopg writes an array value by value in Python, with a regular expression for each quotation mark of a text. The
columns of a batch hold stored responses, which are full of them, so that took more time than the rows themselves.

The form is that of PostgreSQL's manual, 8.15.2 "Array Value Input" and 8.15.6: each value stands in quotation marks,
in which a backslash is before each backslash and each quotation mark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from math import isfinite
from typing import Any, Final

import sqlalchemy as sa


def array_writer(column: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Callable[[Sequence[Any]], str] | None:
    """Return the function that writes values of a column as an array; None for a type that the driver has to write.

    Values are what the driver takes: converted as the column converts them.

    Args:
        column: the type of the column.
        dialect: PostgreSQL's.
    """
    found = column.dialect_impl(dialect)
    if isinstance(found, sa.types.TypeDecorator):
        found = found.impl_instance
    write = next((write for kind, write in _WRITERS if isinstance(found, kind)), None)
    if write is None:
        return None
    return lambda values: "{" + ",".join(["NULL" if value is None else write(value) for value in values]) + "}"


def _text(value: str) -> str:
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    return '"' + value.replace('"', '\\"') + '"'


def _bytes(value: Any) -> str:
    return f'"\\\\x{bytes(getattr(value, "obj", value)).hex()}"'  # the driver's Binary wraps them


def _float(value: float) -> str:
    return repr(float(value)) if isfinite(value) else {"inf": "Infinity", "-inf": "-Infinity"}.get(str(value), "NaN")


def _moment(value: datetime) -> str:
    return f'"{value.isoformat()}"'


def _truth(value: bool) -> str:
    return "t" if value else "f"


_WRITERS: Final[tuple[tuple[type[sa.types.TypeEngine[Any]], Callable[[Any], str]], ...]] = (
    (sa.String, _text),
    (sa.Boolean, _truth),
    (sa.Integer, "{:d}".format),
    (sa.Float, _float),
    (sa.DateTime, _moment),
    (sa.LargeBinary, _bytes),
)
