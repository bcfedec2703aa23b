"""What a caller takes: kinds of answers and their encoding (RFC 9110, 12.5)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from starlette.requests import Request

from leveret.web.gateway.problems import HttpProblem

SMALLEST: Final = 1_000
"""Bytes from which an answer is compressed: a smaller one would hardly become shorter."""

_OURS: Final = frozenset({"*/*", "application/*", "application/json", "application/problem+json"})
_LEVEL: Final = 4
"""How hard zlib tries: a page of a hundred tasks takes some 0.2 ms, and becomes a tenth."""


def check_accept(request: Request) -> None:
    """Check that a caller takes JSON.

    Raises:
        HttpProblem: it takes other kinds of answers alone.
    """
    accepted = request.headers.get("accept")
    if accepted is None or accepted == "*/*":
        return
    if not any(kind in _OURS for kind, quality in _wishes(accepted) if quality):
        raise HttpProblem("not_acceptable", f"Accept is {accepted[:100]}: answers are application/json")


def takes_gzip(request: Request) -> bool:
    """Return whether a caller takes answers that are compressed by gzip."""
    accepted = request.headers.get("accept-encoding")
    if accepted is None or "gzip" not in accepted.lower():
        return False
    return any(quality for coding, quality in _wishes(accepted) if coding in ("gzip", "x-gzip"))


def compressed(body: bytes) -> bytes:
    """Return a body compressed by gzip."""
    packing = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packing.compress(body) + packing.flush()


def _wishes(text: str) -> Iterator[tuple[str, float]]:
    """Yield what a list of wishes names, in small letters, with the weight of each; 0 is what is not wanted."""
    for part in text.lower().split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        yield name, next((_weight(each[2:]) for each in parameters if each.startswith("q=")), 1.0)


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
