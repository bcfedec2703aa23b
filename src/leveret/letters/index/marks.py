"""What the marks in the stream of letters say to the index. No I/O."""

from __future__ import annotations

from typing import Final

from leveret.amqp import Delivery
from leveret.letters.filters import LetterState
from leveret.letters.index.feeding import Change
from leveret.wire.marks import MARK, read_mark

_STATES: Final = {
    "redriven": LetterState.REDRIVEN,
    "discarded": LetterState.DISCARDED,
    "edited": LetterState.EDITED,
    "gone": LetterState.GONE,
}


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
    mark = read_mark(delivery.properties.type, delivery.body)
    state = _STATES.get(mark.what) if mark else None
    return Change(mark.key, state) if mark and state else None
