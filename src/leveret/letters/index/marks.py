"""Reads the marks in the stream of letters: what a tool did with a letter. No I/O."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from leveret.amqp import Delivery
from leveret.letters.filters import LetterState
from leveret.letters.index.feeding import Change

MARK: Final = "letter-mark"
"""The property ``type`` of a mark."""

_STATES: Final = {
    "redriven": LetterState.REDRIVEN,
    "discarded": LetterState.DISCARDED,
    "edited": LetterState.EDITED,
    "gone": LetterState.GONE,
}


class _Mark(Struct, frozen=True, gc=False):
    key: str
    what: str


_decode = msgspec.json.Decoder(_Mark).decode


def is_mark(delivery: Delivery) -> bool:
    """Tell whether a message is a mark: a tool wrote it to the stream itself.

    A caller can write the same property into a request that the broker moves to the letters, but such a message came
    through an exchange.
    """
    return delivery.properties.type == MARK and not delivery.exchange


def read_change(delivery: Delivery) -> Change | None:
    """Read what a mark says; None where it changes nothing, or is not in the form of one.

    A letter that was restored is in the stream once more, which is what makes it present again.
    """
    try:
        mark = _decode(delivery.body)
    except (ValueError, RecursionError):
        return None
    state = _STATES.get(mark.what)
    return None if state is None else Change(mark.key, state)
