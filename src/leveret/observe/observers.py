"""The observers of a worker: who is told of which points of a request's life."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final

from leveret.observe.records import Admitted, Begun, Ended, Observer, Record, Settled, Subject

logger: Final = logging.getLogger("leveret.worker")


class Sampler(ABC):
    """An observer that is told of all requests when they are settled, and of other points only of those it chooses.

    So it can be cheap where an observer of all points cannot. A worker can have one.

    Attributes:
        chosen: the requests that it has chosen and that are not settled, by delivery tag.
    """

    chosen: Mapping[int, object]

    @abstractmethod
    def admit(self, subjects: Sequence[Subject]) -> None:
        """Take note of requests that are admitted together, and choose; in the event loop."""

    @abstractmethod
    def settle(self, records: Sequence[Settled]) -> None:
        """Take note of the outcomes of all requests, chosen or not, admitted or not; in the event loop."""

    @abstractmethod
    def __call__(self, record: Record) -> None:
        """Take note that a chosen request has begun, ended or is committed, in the thread that passes the point."""


class Observers:
    """The observers of a worker. When one raises, its error is logged, and it is not called again.

    Args:
        observers: called in this order; a sampler after the others.

    Attributes:
        active: the observers that are still called with all records.
        sampler: the one that chooses, while it is still called. Where there are neither, no record needs to be made.

    Raises:
        ValueError: there are two samplers.
    """

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        observers = tuple(observers)
        samplers = [each for each in observers if isinstance(each, Sampler)]
        if len(samplers) > 1:
            raise ValueError(f"A worker can have one sampler among its observers, and these are {len(samplers)}")
        self.active: tuple[Observer, ...] = tuple(each for each in observers if not isinstance(each, Sampler))
        self.sampler: Sampler | None = samplers[0] if samplers else None
        self._chosen: Mapping[int, object] = self.sampler.chosen if self.sampler else {}
        self._lock = threading.Lock()

    def follow(self, subject: Subject) -> bool:
        """Return whether anybody wants to know when this request begins, ends and is committed."""
        return bool(self.active) or subject.delivery.delivery_tag in self._chosen

    def admit(self, subjects: Sequence[Subject]) -> None:
        """Tell the observers that requests are admitted together, and let the sampler choose; never raises."""
        for each in subjects if self.active else ():
            self.tell(Admitted(each))
        if self.sampler is not None:
            try:
                self.sampler.admit(subjects)
            except BaseException as error:  # an observer's error must not affect the request
                self._leave_out(self.sampler, error)

    def tell(self, record: Record) -> None:
        """Call all observers that want to know with the record of a point before the last; never raises."""
        if self.active:
            self._tell_active(record)
        if record.subject.delivery.delivery_tag in self._chosen and self.sampler is not None:
            try:
                self.sampler(record)
            except BaseException as error:  # as above
                self._leave_out(self.sampler, error)

    def settle(self, records: Sequence[Settled]) -> None:
        """Call all observers with the records of the last point of requests that settle together; never raises."""
        for record in records if self.active else ():
            self._tell_active(record)
        if self.sampler is not None:
            try:
                self.sampler.settle(records)
            except BaseException as error:  # as above
                self._leave_out(self.sampler, error)

    def _tell_active(self, record: Record) -> None:
        for observer in self.active:
            try:
                observer(record)
            except BaseException as error:  # as above
                self._leave_out(observer, error)

    def attempt(self, subject: Subject) -> AbstractContextManager[None]:
        """Return a context that tells the observers that an attempt begins, and afterwards how it has ended."""
        return _Attempt(self, subject)

    def _leave_out(self, observer: Observer, error: BaseException) -> None:
        with self._lock:
            if observer is self.sampler:
                self.sampler, self._chosen = None, {}
            elif observer in self.active:
                self.active = tuple(each for each in self.active if each != observer)
            else:  # another thread was faster
                return
        logger.error("an observer failed and is not called again: %r", observer, exc_info=error)


class _Attempt:
    """An attempt to run a request; as a class it takes half as long as a generator would.

    Args:
        observers: told of its beginning and its end.
        subject: the request.
    """

    __slots__ = ("_observers", "_subject")

    def __init__(self, observers: Observers, subject: Subject) -> None:
        self._observers = observers
        self._subject = subject

    def __enter__(self) -> None:
        self._observers.tell(Begun(self._subject))

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        self._observers.tell(Ended(self._subject, error=error))
