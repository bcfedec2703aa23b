"""Material of random messages: values chosen by hypothesis, and lists of values that have caused trouble elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

TEXTS: Final = (
    *(
        "",
        " ",
        "a",
        "todo",
        "high",
        "v1",
        "\n",
        "\u202e",
        "\ufeff",
        "e\u0301",
        "\U0001f4a9",
        "' OR 1=1 --",
        "../../etc",
    ),
    *("%s%n", "${x}", "{{7*7}}", "[removed]", "null", "2026-01-31", "2026-01-31T12:00:00Z"),
    *("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "title,id", "x" * 201, "ey" * 60, "." * 50, '"' * 20),
    *("\\" * 21, "password", "auth"),
)
NUMBERS: Final = (0, 1, -1, 7, 100, 101, 2**31, 2**63 - 1, -(2**63), 0.5, -0.0, 1e308, 5e-324)
HEADERS: Final = (
    *(
        "x-retry-count",
        "x-death",
        "x-attempts",
        "x-deadline",
        "x-timeout",
        "timestamp_in_ms",
        "x-delivery-count",
        "x-principal",
        "x-seal",
        "x-publish-seq",
        "CC",
        "BCC",
    ),
    *("x-dead-letter-exchange", "x-dead-letter-routing-key", "x-first-death-queue", "x-last-death-reason", "x", ""),
    *("x-match", "password", "authorization", "n" * 255, "\u00e4"),
)


@dataclass(frozen=True)
class Material:
    """The values that a fuzzer combines.

    Attributes:
        texts: texts that JSON and AMQP can hold.
        numbers: numbers of JSON.
        values: nested values of JSON.
        pieces: bytes that are inserted into bodies.
        headers: names of headers, at most 255 bytes each.
        fields: values of headers; whole numbers have at most 64 bits.
    """

    texts: tuple[str, ...] = TEXTS
    numbers: tuple[float, ...] = NUMBERS
    values: tuple[Any, ...] = ()
    pieces: tuple[bytes, ...] = ()
    headers: tuple[str, ...] = HEADERS
    fields: tuple[Any, ...] = ()


def _few(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, min_size=1, max_size=4).map(tuple)


SHORT: Final = st.text(max_size=60)
"""Texts of at most 240 bytes in UTF-8."""

PLAIN: Final = st.none() | st.booleans() | st.integers() | st.floats() | SHORT
NESTED: Final = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SHORT, inner, max_size=3), max_leaves=6
)
FIELDS: Final = st.integers(-(2**63), 2**63 - 1) | st.floats() | SHORT | st.binary(max_size=20)

MATERIAL: Final = st.builds(
    lambda texts, numbers, values, pieces, headers, fields: Material(
        TEXTS + texts, NUMBERS + numbers, values, pieces, HEADERS + headers, fields
    ),
    _few(SHORT),
    _few(st.integers() | st.floats()),
    _few(NESTED),
    _few(st.binary(min_size=1, max_size=12)),
    _few(SHORT),
    _few(FIELDS),
)
"""Strategy for material: the lists above, and values that hypothesis finds."""
