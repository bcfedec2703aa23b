"""The seam: what a worker tells of each request, for logs, metrics, traces and tests.

A request passes six points, and at each of them a worker tells its observers with a frozen record:

Record
├── Received    its message is read from now on
├── Admitted    it is well formed, its caller is known and within the limit: it runs as soon as it may
├── Begun       its action is called
├── Ended       its action has returned or raised; nothing of it is committed yet
├── Committed   what it changed, and its response, are committed
└── Settled     its outcome is safe: what had to be published is confirmed, and the delivery is acked now, or put back

A request that is answered from its row is received, admitted and settled; one that is refused at the door is received
and settled. A batch that was rolled back runs again one by one: then a request begins and ends twice. An ``async def``
action that writes commits within its action, so ``Committed`` comes before ``Ended``. What a lost session leaves
unsettled is delivered again, and received again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

from msgspec import Struct, field

from leveret.amqp import Delivery
from leveret.outcome import Outcome

logger: Final = logging.getLogger("leveret.worker")


class Subject(Struct, frozen=True):
    """Which request a record is about.

    Attributes:
        id: the request's id, or what is known of it: until its message is read, the correlation id.
        action: version and name, or ``-`` where they are not known.
        principal: who asks; empty for a caller without a token, and where that is not known.
        delivery: the message as it came. It may hold passwords and tokens.
        arrived: when it came, in seconds of ``time.monotonic``.
    """

    id: str
    action: str
    principal: str
    delivery: Delivery
    arrived: float


class Point(Struct, frozen=True):
    """What all records have.

    Attributes:
        subject: the request.
        at: when this point was passed, in seconds of ``time.monotonic``.
    """

    subject: Subject
    at: float = field(default_factory=time.monotonic)


class Received(Point, frozen=True):
    """Its message is read from now on; one that was delivered before is on record. In the event loop."""


class Admitted(Point, frozen=True):
    """It is well formed, its caller is known and within the limit: it runs as soon as it may. In the event loop."""


class Begun(Point, frozen=True):
    """Its action is called: in the thread of a lane, or in the event loop for an ``async def`` action."""


class Ended(Point, frozen=True):
    """Its action has returned or raised, and nothing of it is committed. In the same thread as ``Begun``.

    Attributes:
        error: what the action raised.
    """

    error: BaseException | None = None


class Committed(Point, frozen=True):
    """What it changed, and its response, are committed. In the thread of a lane."""


class Settled(Point, frozen=True, kw_only=True):
    """Its outcome is safe: what had to be published is confirmed, and it is acked now, or put back. In the event loop.

    Attributes:
        outcome: what became of it.
    """

    outcome: Outcome


Record: TypeAlias = Received | Admitted | Begun | Ended | Committed | Settled
Observer: TypeAlias = Callable[[Record], None]
"""Called with each record, in the thread in which it happens: it has to be quick, and safe in several threads."""


class Observers:
    """Those who are told; what one of them raises is logged once, and it is left out from then on.

    Args:
        observers: called in this order.

    Attributes:
        active: those who are told at present. While it is empty nobody need make a record.
    """

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self.active: tuple[Observer, ...] = tuple(observers)
        self._lock = threading.Lock()

    def tell(self, record: Record) -> None:
        """Tell all of a record; never raises."""
        for observer in self.active:
            try:
                observer(record)
            except BaseException as error:  # an observer must not cost a request anything
                self._leave_out(observer, error)

    @contextmanager
    def attempt(self, subject: Subject) -> Iterator[None]:
        """Tell of an attempt: that it has begun, and how it has ended."""
        self.tell(Begun(subject))
        try:
            yield
        except BaseException as error:
            self.tell(Ended(subject, error=error))
            raise
        self.tell(Ended(subject))

    def _leave_out(self, observer: Observer, error: BaseException) -> None:
        with self._lock:
            if observer not in self.active:  # another thread was faster
                return
            self.active = tuple(each for each in self.active if each != observer)
        logger.error("an observer failed, and is told nothing any more: %r", observer, exc_info=error)
