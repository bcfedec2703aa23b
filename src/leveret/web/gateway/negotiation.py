"""What a caller takes: kinds of answers and their encoding (RFC 9110, 12.5)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Final

from starlette.requests import Request

from leveret.web.gateway.problems import HttpProblem

SMALLEST: Final = 1_000
"""Bytes from which an answer is compressed: a smaller one would hardly become shorter."""

_RANGES: Final = ("application/json", "application/*", "*/*")
_WEIGHT: Final = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?", re.ASCII)
_LEVEL: Final = 4
"""How hard zlib tries: a page of a hundred tasks takes some 0.2 ms, and becomes a tenth."""


def check_accept(request: Request) -> None:
    """Check that a caller takes JSON.

    Raises:
        HttpProblem: it takes other kinds of answers alone.
    """
    lines = request.headers.getlist("accept")
    if not lines or lines == ["*/*"]:
        return
    accepted = ", ".join(lines)
    wishes = dict(_wishes(accepted))
    if not (_weight_of_json(wishes) or wishes.get("application/problem+json")):
        raise HttpProblem("not_acceptable", f"Accept is {accepted[:100]}: answers are application/json")


def takes_gzip(request: Request) -> bool:
    """Return whether a caller takes answers that are compressed by gzip."""
    lines = request.headers.getlist("accept-encoding")
    if not lines:
        return False
    wishes = dict(_wishes(", ".join(lines)))
    return bool(wishes.get("gzip") or wishes.get("x-gzip"))


def compressed(body: bytes) -> bytes:
    """Return a body compressed by gzip."""
    packing = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packing.compress(body) + packing.flush()


def _weight_of_json(wishes: Mapping[str, float]) -> float:
    """Return how much JSON is wanted: the most specific range decides (RFC 9110, 12.5.1)."""
    return next((wishes[each] for each in _RANGES if each in wishes), 0.0)


def _wishes(text: str) -> Iterator[tuple[str, float]]:
    """Yield what a list of wishes names, in small letters, with the weight of each; 0 is what is not wanted."""
    for part in text.lower().split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        yield name, next((_weight(each[2:]) for each in parameters if each.startswith("q=")), 1.0)


def _weight(text: str) -> float:
    """Return a weight (RFC 9110, 12.4.2); 0 for what is none."""
    return float(text) if _WEIGHT.fullmatch(text) else 0.0
