"""What is known of a request, and where that is known from. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct


class KnownEvent(StrEnum):
    """What a fact tells of a request."""

    FAILED = "failed"
    """An attempt failed."""
    GIVEN_UP = "given_up"
    """It was given up and became a dead letter."""
    LETTER = "letter"
    """Its letter lies in the queue of dead letters."""
    REDRIVEN = "redriven"
    """Its letter was sent again."""
    DISCARDED = "discarded"
    """Its letter was discarded."""
    EDITED = "edited"
    """Its letter was replaced by an edited one."""
    GONE = "gone"
    """Its letter is not in the queue any more, and nobody has noted why."""
    RECEIVED = "received"
    """A worker received it."""
    IN_HAND = "in_hand"
    """A worker has it in hand."""
    ON_RECORD = "on_record"
    """It was delivered before, and an attempt of it is on record: it runs, or its worker died."""
    ANSWERED = "answered"
    """It was executed, and its response is stored."""
    DIED = "died"
    """A worker died that had it in hand."""
    PASSED_ON = "passed_on"
    """A worker was done with it, and put it off to a retry queue, gave it up, or put it back."""
    ENDED = "ended"
    """A worker brought it to an end; its response may be stored or not."""


SINCE: Final = "since"
"""The detail of `KnownEvent.IN_HAND` with the moment in which the worker received it, POSIX seconds."""

HOLDS_NOW: Final = frozenset({KnownEvent.LETTER, KnownEvent.IN_HAND})
"""Events that are not past."""


class KnownFact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is known of a request.

    Attributes:
        event: what happened.
        text: the same for people, one sentence without its end.
        source: where it is known from, in words: ``row``, ``dead letters``, ``worker ...``.
        at: when it happened, POSIX seconds by the clock of its source; None for what holds now, and where the source
            does not tell.
        principal: whose request it is; empty for an anonymous caller, None where the source does not tell.
        details: more of it, JSON-ready and without secrets.
    """

    event: KnownEvent
    text: str
    source: str
    at: float | None = None
    principal: str | None = None
    details: Mapping[str, Any] = {}


class BlindSpot(Struct, frozen=True):
    """Something that cannot be known.

    Attributes:
        source: what could not be asked, or does not tell.
        why: why not, and what that hides.
    """

    source: str
    why: str


class Findings(Struct, frozen=True):
    """What one source tells.

    Attributes:
        facts: what is known.
        blind: what cannot be known from it.
    """

    facts: tuple[KnownFact, ...] = ()
    blind: tuple[BlindSpot, ...] = ()


class RequestState(StrEnum):
    """Where a request is, as far as is known."""

    IN_HAND = "in_hand"
    DONE = "done"
    LETTER = "letter"
    ON_RECORD = "on_record"
    SENT_AGAIN = "sent_again"
    DISCARDED = "discarded"
    ENDED = "ended"
    UNKNOWN = "unknown"


class RequestStory(Struct, frozen=True, kw_only=True):
    """One request: an id belongs to its principal, so one id may be several requests.

    Attributes:
        principal: whose it is; None where no source tells.
        state: where it is.
        text: the same for people, in a sentence.
        facts: what happened to it, the oldest first; what holds now comes last.
    """

    principal: str | None
    state: RequestState
    text: str
    facts: tuple[KnownFact, ...]


class Explanation(Struct, frozen=True, kw_only=True):
    """What is known of a request id.

    Attributes:
        id: the id.
        stories: one for each principal who asked with it; none where nothing is known.
        blind: what cannot be known, and why.
    """

    id: str
    stories: tuple[RequestStory, ...]
    blind: tuple[BlindSpot, ...]
