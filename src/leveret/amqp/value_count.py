"""Counts the values of a field table in its bytes, before any value is made.

A value in memory is up to a hundred times as large as its bytes: a table of 128 KiB may take several megabytes.
"""

from __future__ import annotations

import struct
from typing import Final

MOST_VALUES: Final = 2048
"""How many values one table may hold, with those in nested tables and arrays."""

_LENGTH = struct.Struct(">I").unpack_from
_SIZES: Final = {kind: size for kinds, size in (("V", 0), ("tbB", 1), ("su", 2), ("Iif", 4), ("D", 5), ("lLTd", 8))
                 for kind in kinds.encode()}  # fmt: skip
_TABLE, _ARRAY = b"FA"


def holds_too_many(data: bytes, at: int, end: int, deepest: int) -> bool:
    """Return whether the fields from `at` to `end` hold more values than `MOST_VALUES`.

    Args:
        data: The bytes.
        at: Where the first field begins.
        end: Where the last one ends.
        deepest: The depth from which tables and arrays are not looked into.

    Raises:
        IndexError, struct.error: The bytes are not fields.
    """
    count = 0
    within = [(at, end, _TABLE, 0)]
    while within:
        at, end, container, depth = within.pop()
        while at < end:
            count += 1
            if count > MOST_VALUES:
                return True
            if container == _TABLE:
                at += 1 + data[at]
            kind = data[at]
            size = _SIZES.get(kind)
            if size is None:
                size = 4 + _LENGTH(data, at + 1)[0]
                if kind in (_TABLE, _ARRAY) and depth < deepest:
                    within.append((at + 5, at + 1 + size, kind, depth + 1))
            at += 1 + size
    return False
