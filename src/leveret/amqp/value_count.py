"""How many values a field table holds, counted in its bytes before any of them is made.

A value in memory is up to a hundred times as large as its bytes: a table of 128 KiB may become some megabytes.
"""

from __future__ import annotations

import struct
from typing import Final

MOST_VALUES: Final = 2048
"""Values in one table, those within its values included."""

_LENGTH = struct.Struct(">I").unpack_from
_SIZES: Final = {kind: size for kinds, size in (("V", 0), ("tbB", 1), ("su", 2), ("Iif", 4), ("D", 5), ("lLTd", 8))
                 for kind in kinds.encode()}  # fmt: skip
_TABLE, _ARRAY = b"FA"


def holds_too_many(data: bytes, at: int, end: int, deepest: int) -> bool:
    """Whether the fields from `at` to `end` hold more values than `MOST_VALUES`.

    Args:
        data: the bytes.
        at: where the first field begins.
        end: where the last one ends.
        deepest: tables and arrays nested deeper than this are not looked into.

    Raises:
        IndexError, struct.error: The bytes are no fields.
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
