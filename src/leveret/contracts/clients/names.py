"""Names in generated Python: valid, and none that hides another which the same text needs."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Collection, Iterable
from typing import Final

_NOT_IN_NAMES: Final = re.compile(r"\W+", re.ASCII)
_IMPORTED: Final = frozenset(
    {"Any", "BlockingCaller", "Caller", "Decimal", "Enum", "IntEnum", "Literal", "Mapping", "StrEnum", "Struct"}
    | {"UNSET", "UUID", "UnsetType", "dt", "field", "msgspec", "warnings", "Api", "BlockingApi", "self"}
)
_BUILT_IN: Final = frozenset({"bool", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"})
_RESERVED: Final = _IMPORTED | _BUILT_IN
"""What the generated text uses itself; ``_`` begins the rest of its own names."""


def name_in_python(name: str, taken: Collection[str] = ()) -> str:
    """Return a name as a valid one of Python that is not in ``taken``: ``class`` becomes ``class_``."""
    found = _NOT_IN_NAMES.sub("_", name).lstrip("_") or "value"
    if found[0].isdigit():
        found = f"n{found}"
    while keyword.iskeyword(found) or found in _RESERVED or found in taken:
        found += "_"
    return found


def names_in_python(names: Iterable[str]) -> list[str]:
    """Return names as valid ones of Python, each of them once."""
    found: list[str] = []
    for name in names:
        found.append(name_in_python(name, found))
    return found


def quoted(text: str) -> str:
    """Return a text as a literal of Python in double quotes."""
    return json.dumps(text)
