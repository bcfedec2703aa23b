"""Observers: each is told of every record in its order, and what one of them raises costs nobody anything."""

from __future__ import annotations

import logging
import threading
from functools import partial

import pytest

from leveret.observe import Admitted, Begun, Ended, Observers, Record, Subject
from support.handmade_deliveries import delivery_of

SUBJECT = Subject("a", "v1.write", "7", delivery_of({"id": "a"}), 1.0)


class Broken:
    """An observer that raises whenever it is told something."""

    def __init__(self, error: BaseException) -> None:
        self.told = 0
        self._error = error

    def __call__(self, _record: Record) -> None:
        self.told += 1
        raise self._error


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(3), KeyboardInterrupt()])
def test_an_observer_that_raises_is_logged_once_and_left_out(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    broken, before, after = Broken(error), list[Record](), list[Record]()
    observers = Observers([before.append, broken, after.append])
    told: list[Record] = [Admitted(SUBJECT), Begun(SUBJECT)]
    for record in told:
        observers.tell(record)
    assert before == after == told
    assert broken.told == 1
    assert len(caplog.records) == 1
    assert "an observer failed and is not called again" in caplog.text


def test_one_that_fails_in_several_threads_at_once_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    together = threading.Barrier(4)

    def fail(_record: Record) -> None:
        together.wait(10)
        raise ValueError("broken")

    observers = Observers([fail])
    threads = [threading.Thread(target=observers.tell, args=(Begun(SUBJECT),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not observers.active
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_an_attempt_begins_and_ends_and_what_it_raises_goes_on() -> None:
    told: list[Record] = []
    observers = Observers([told.append])
    with observers.attempt(SUBJECT):
        told.append(Admitted(SUBJECT))
    assert [type(record) for record in told] == [Begun, Admitted, Ended]
    error = KeyError("unforeseen")
    with pytest.raises(KeyError), observers.attempt(SUBJECT):
        raise error
    ended = told[-1]
    assert isinstance(ended, Ended)
    assert ended.error is error


def test_each_record_says_when_it_was_made() -> None:
    told: list[Record] = []
    observers = Observers([told.append])
    for make in (Admitted, Begun, partial(Ended, error=None)):
        observers.tell(make(SUBJECT))
    moments = [record.at for record in told]
    assert moments == sorted(moments)
    assert moments[0] > 0
