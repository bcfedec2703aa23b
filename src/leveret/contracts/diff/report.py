"""What a comparison finds: what breaks whom, each with a message that really fails, and what is compatible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

Whom = Literal["callers", "readers"]
"""Callers send what is refused now; readers get answers that they were not told of."""


class Break(Struct, frozen=True, kw_only=True):
    """One thing that was promised and does not hold any more.

    Attributes:
        subject: version and name of the action, or method and path of the route.
        place: field of the input or the output, such as ``items[*].title``; empty for the whole.
        whom: ``callers``, whose requests are refused; ``readers``, who get what the old contract does not allow.
        change: what changed, in one sentence.
        message: the message that fails: a request that was accepted and is refused, or an answer that is not allowed.
        fails: how it fails: the answer of the new workers, or why the old contract does not allow the message.
    """

    subject: str
    place: str
    whom: Whom
    change: str
    message: Any
    fails: Any


class Note(Struct, frozen=True):
    """A change that breaks nobody.

    Attributes:
        subject: version and name of the action, or method and path of the route.
        change: what changed.
    """

    subject: str
    change: str


class Report(Struct, frozen=True):
    """All that a comparison found.

    Attributes:
        breaks: what does not hold any more.
        compatible: what changed beside that.
        tried: how many messages were tried.
    """

    breaks: Sequence[Break]
    compatible: Sequence[Note]
    tried: int

    @property
    def is_compatible(self) -> bool:
        """Whether nobody has to change anything."""
        return not self.breaks
