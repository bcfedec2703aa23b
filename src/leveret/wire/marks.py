"""Marks in the stream of letters: they tell what became of a letter that was taken out of its queue."""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Struct

MARK: Final = "letter-mark"
"""The property ``type`` of a mark; a letter has none."""

LARGEST_MARK: Final = 4 * 1024
"""Bytes of a mark at most; what is larger is not one."""

Fate = Literal["redriven", "discarded", "edited", "restored", "gone"]


class LetterMark(Struct, frozen=True, omit_defaults=True):
    """What became of a letter.

    Attributes:
        key: the letter's key, see `leveret.letters.key`.
        what: it was sent again, discarded, replaced by an edited one, brought back, or found missing in the queue.
        at: when, ISO 8601 in UTC.
        operation: the id of the operation that did it.
        by: who did it.
    """

    key: str
    what: Fate
    at: str
    operation: str | None = None
    by: str | None = None


_decode = msgspec.json.Decoder(LetterMark).decode


def read_mark(kind: str | None, body: bytes) -> LetterMark | None:
    """Read a mark; None if a message is not one.

    Args:
        kind: the message's property ``type``.
        body: its body.
    """
    if kind != MARK or len(body) > LARGEST_MARK:
        return None
    try:
        return _decode(body)
    except ValueError:
        return None
