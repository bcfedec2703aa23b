"""What a worker tells its observers about each request, for logs, metrics, traces and tests.

A request passes up to six points, and at each point the worker calls its observers with a frozen record (a
``Sampler`` only of requests that it has chosen, and of the end of all):

Record
├── Received    the worker begins to read its message
├── Admitted    it is well formed, and its caller is known and within the rate limit; it runs as soon as it may
├── Begun       its action is called
├── Ended       its action has returned or raised; a ``def`` action is not committed yet
├── Committed   its changes and its response are committed
└── Settled     its outcome is safe: what had to be published is confirmed, and the delivery is now acked or put back

A request that is answered from its row is received, admitted and settled; one that is refused before it is admitted is
received and settled. After a batch was rolled back, its requests run again one by one, so they begin and end twice. An
``async def`` action that writes commits within its action, so ``Committed`` comes before ``Ended``. A request that is
not settled when the session is lost is delivered again, and received again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct, field

from leveret.amqp import Delivery
from leveret.outcome import Outcome


class Subject(Struct, frozen=True, gc=False):
    """Which request a record is about.

    Attributes:
        id: the request's id; the correlation id until the message is read, or if it holds no usable id.
        action: version and name, or ``-`` where they are not known.
        principal: the caller; empty for a caller without a token, and if the caller is not known.
        delivery: the message as it arrived. It may hold passwords and tokens.
        arrived: when it arrived, in seconds of ``time.monotonic``.
        attempt: which attempt this is, from 1; 1 too where that is not known.
    """

    id: str
    action: str
    principal: str
    delivery: Delivery
    arrived: float
    attempt: int = 1


class Point(Struct, frozen=True):
    """What all records have in common.

    Attributes:
        subject: the request.
        at: when this point was passed, in seconds of ``time.monotonic``.
    """

    subject: Subject
    at: float = field(default_factory=time.monotonic)


class Received(Point, frozen=True):
    """The worker begins to read the message. In the event loop."""


class Admitted(Point, frozen=True):
    """It is well formed, and its caller is known and within the rate limit. In the event loop."""


class Begun(Point, frozen=True):
    """Its action is called: in the thread of a lane, or in the event loop for an ``async def`` action."""


class Ended(Point, frozen=True):
    """Its action has returned or raised; a ``def`` action is not committed yet. In the same thread as ``Begun``.

    Attributes:
        error: what the action raised; None when it returned.
    """

    error: BaseException | None = None


class Batch(Struct, frozen=True, eq=False):
    """Requests that shared one transaction; the records of each of them have the same object.

    Attributes:
        size: how many there were, with those that changed nothing.
        began: when the lane took them, in seconds of ``time.monotonic``.
    """

    size: int
    began: float


class Committed(Point, frozen=True, kw_only=True):
    """Its changes and its response are committed. In the thread of a lane.

    Attributes:
        batch: with which requests; None where that is not known.
    """

    batch: Batch | None = None


class Settled(Point, frozen=True, kw_only=True):
    """Its outcome is safe: what had to be published is confirmed. It is now acked or put back. In the event loop.

    Attributes:
        outcome: what became of the request.
    """

    outcome: Outcome


Record: TypeAlias = Received | Admitted | Begun | Ended | Committed | Settled
"""What an observer is called with."""

Observer: TypeAlias = Callable[[Record], None]
"""Called with each record, in the thread that passes the point: it must be quick and thread-safe."""
