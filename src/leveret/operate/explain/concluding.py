"""From facts to where a request is. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import floor, inf
from typing import Final

from leveret.operate.explain.known import (
    HOLDS_NOW,
    SINCE,
    Explanation,
    Findings,
    KnownEvent,
    KnownFact,
    RequestState,
    RequestStory,
)

_ORDER: Final = (
    (KnownEvent.IN_HAND, RequestState.IN_HAND, "it is in a worker's hand now"),
    (KnownEvent.ANSWERED, RequestState.DONE, "it was executed, and its response is stored"),
    (KnownEvent.LETTER, RequestState.LETTER, "it was given up, and its dead letter waits for somebody"),
    (
        KnownEvent.ON_RECORD,
        RequestState.ON_RECORD,
        "it was delivered again, and an attempt is on record: it runs now, or a worker died and it waits",
    ),
)
"""What holds now, the strongest first."""

_LAST: Final = {
    KnownEvent.REDRIVEN: (RequestState.SENT_AGAIN, "it was sent again, and no response is stored yet"),
    KnownEvent.EDITED: (RequestState.UNKNOWN, "its letter was replaced by an edited one, which nobody has seen"),
    KnownEvent.DISCARDED: (RequestState.DISCARDED, "its letter was discarded"),
    KnownEvent.DIED: (RequestState.UNKNOWN, "a worker died that had it in hand; the broker delivers it again"),
    KnownEvent.PASSED_ON: (RequestState.UNKNOWN, "a worker passed it on: it waits for a retry, or in its queue again"),
    KnownEvent.ENDED: (RequestState.ENDED, "a worker brought it to its end, and no response is stored"),
}
"""What the last event of the past says where nothing holds now."""

_BOTH: Final = (
    "it was executed, and its response is stored; its dead letter lies in the queue too: sent again, it changes nothing"
)


def conclude(request_id: str, findings: Iterable[Findings]) -> Explanation:
    """Return what is known of a request id from what all sources tell.

    Facts whose source does not tell the principal stand with the only request that is known, or by themselves.
    """
    findings = list(findings)
    facts = [fact for each in findings for fact in each.facts]
    named = sorted({fact.principal for fact in facts if fact.principal is not None})
    unnamed = [fact for fact in facts if fact.principal is None]
    if len(named) == 1:
        stories = [_story(named[0], facts)]
    else:
        stories = [_story(name, [fact for fact in facts if fact.principal == name]) for name in named]
        stories += [_story(None, unnamed)] if unnamed else []
    blind = dict.fromkeys(spot for each in findings for spot in each.blind)
    return Explanation(id=request_id, stories=tuple(stories), blind=tuple(blind))


def _story(principal: str | None, facts: Sequence[KnownFact]) -> RequestStory:
    ordered = tuple(sorted(_without_lost(facts), key=_place))
    state, text = _state(ordered)
    return RequestStory(principal=principal, state=state, text=text, facts=ordered)


def _without_lost(facts: Sequence[KnownFact]) -> Iterator[KnownFact]:
    """Leave out that a worker has a request in hand where something happened to it later.

    When a worker loses its connection, the broker delivers its requests again, and no record has their end.
    """
    latest = max((fact.at for fact in facts if fact.at is not None), default=0.0)
    for fact in facts:
        since = fact.details.get(SINCE) if fact.event is KnownEvent.IN_HAND else None
        if since is None or since >= latest:
            yield fact


def _place(fact: KnownFact) -> tuple[bool, float, int]:
    """Return what facts are sorted by: what is past, what is past nobody knows when, and what holds now.

    Letters hold whole milliseconds, so within one millisecond an attempt stands between its beginning and its end.
    """
    at = inf if fact.at is None else fact.at
    return fact.event in HOLDS_NOW, at if at == inf else floor(at * 1000 + _ROUNDING), _WITHIN.get(fact.event, 0)


_WITHIN: Final = {
    KnownEvent.REDRIVEN: -2,
    KnownEvent.RECEIVED: -1,
    KnownEvent.GIVEN_UP: 1,
    KnownEvent.PASSED_ON: 2,
    KnownEvent.ENDED: 2,
}
"""The order of events within one millisecond; 0 for all others."""

_ROUNDING: Final = 1e-3
"""Milliseconds by which a moment may lie below a whole one because a float cannot hold it."""


def _state(facts: Sequence[KnownFact]) -> tuple[RequestState, str]:
    events = {fact.event for fact in facts}
    if {KnownEvent.ANSWERED, KnownEvent.LETTER} <= events and KnownEvent.IN_HAND not in events:
        return RequestState.DONE, _BOTH
    for event, state, text in _ORDER:
        if event in events:
            return state, text
    for fact in reversed(facts):
        if fact.event in _LAST:
            return _LAST[fact.event]
    return RequestState.UNKNOWN, "where it is now is not known: it may wait in a queue"
