"""Observers: each is told of every record in its order, and what one of them raises costs nobody anything."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import partial

import pytest

from leveret.observe import Admitted, Begun, Ended, Observers, Record, Sampler, Settled, Subject
from leveret.outcome import PutBack
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


class Odd(Sampler):
    """A sampler that chooses requests with odd delivery tags, and raises when it is told of one number of records."""

    def __init__(self, *, fails_at: int = 0) -> None:
        self.chosen: dict[int, Subject] = {}
        self.told: list[Record] = []
        self._fails_at = fails_at

    def admit(self, subjects: Sequence[Subject]) -> None:
        tags = [each.delivery.delivery_tag for each in subjects]
        self.chosen.update((tag, each) for tag, each in zip(tags, subjects, strict=True) if tag % 2)

    def settle(self, records: Sequence[Settled]) -> None:
        for record in records:
            self(record)
            self.chosen.pop(record.subject.delivery.delivery_tag, None)

    def __call__(self, record: Record) -> None:
        self.told.append(record)
        if len(self.told) == self._fails_at:
            raise ValueError("broken")


def pass_points(observers: Observers, subjects: Sequence[Subject]) -> None:
    observers.admit(subjects)
    for each in subjects:
        if observers.follow(each):
            with observers.attempt(each):
                pass
    observers.settle([Settled(each, outcome=PutBack("why")) for each in subjects])


def one_and_two() -> list[Subject]:
    return [Subject("a", "v1.write", "7", delivery_of({"id": "a"}, tag), 1.0) for tag in (1, 2)]


def test_a_sampler_is_told_how_all_requests_end_and_of_other_points_of_those_it_chose() -> None:
    odd, (one, two) = Odd(), one_and_two()
    pass_points(Observers([odd]), [one, two])
    assert [(type(each), each.subject) for each in odd.told] == [
        (Begun, one),
        (Ended, one),
        (Settled, one),
        (Settled, two),
    ]


def test_beside_a_sampler_the_others_are_told_of_all_requests() -> None:
    odd, told, about = Odd(), list[Record](), one_and_two()
    pass_points(Observers([odd, told.append]), about)
    assert [type(each) for each in told] == [Admitted, Admitted, Begun, Ended, Begun, Ended, Settled, Settled]
    assert [type(each) for each in odd.told] == [Begun, Ended, Settled, Settled]


@pytest.mark.parametrize("number", [1, 3])
def test_a_sampler_that_raises_is_left_out(number: int, caplog: pytest.LogCaptureFixture) -> None:
    odd = Odd(fails_at=number)
    observers = Observers([odd])
    pass_points(observers, one_and_two())
    assert observers.sampler is None
    assert not observers.follow(one_and_two()[0])
    assert len(odd.told) == number
    assert "an observer failed and is not called again" in caplog.text


def test_a_worker_has_one_sampler() -> None:
    with pytest.raises(ValueError, match="one sampler among its observers, and these are 2"):
        Observers([Odd(), Odd()])
