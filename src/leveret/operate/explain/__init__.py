"""Explains one request: where it is, and what happened to it, as far as rows, queues and workers tell."""

from leveret.operate.explain.concluding import conclude
from leveret.operate.explain.explaining import explain
from leveret.operate.explain.known import (
    HOLDS_NOW,
    BlindSpot,
    Explanation,
    Findings,
    KnownEvent,
    KnownFact,
    RequestState,
    RequestStory,
)

__all__ = [
    "HOLDS_NOW",
    "BlindSpot",
    "Explanation",
    "Findings",
    "KnownEvent",
    "KnownFact",
    "RequestState",
    "RequestStory",
    "conclude",
    "explain",
]
