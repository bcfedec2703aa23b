"""Whoever finds the backlog full goes on when there is room again, whatever happens between two of its steps."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, TypeVar

from leveret.worker.leave import backlog as module
from leveret.worker.leave.backlog import Backlog

T = TypeVar("T")

LANES = 4
RESPONSES = 1500
SIZE = 10
MOST = 3 * SIZE
LIMIT = 20.0


@contextmanager
def watched_steps(before_step: Callable[[], None]) -> Iterator[None]:
    """Have a function called before each of the interpreter's instructions in the backlog, in this thread."""
    former = sys.gettrace()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != module.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            before_step()
        return trace

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(former)


def outcomes(make: Callable[[], Backlog], call: Callable[[Backlog], T], other: Callable[[Backlog], None]) -> list[T]:
    """Call something once for each of its steps, and have something else happen before that step; return the values."""
    found: list[T] = []
    while True:
        backlog, steps = make(), 0

        def before_step(backlog: Backlog = backlog) -> None:
            nonlocal steps
            steps += 1
            if steps == len(found) + 1:
                with watched_steps(lambda: None):
                    other(backlog)

        with watched_steps(before_step):
            value = call(backlog)
        if steps <= len(found):
            return found
        found.append(value)


def confirm(backlog: Backlog) -> None:
    """Do what the event loop does when the broker has confirmed everything."""
    backlog.sending = 0
    if backlog.waited_for:
        backlog.go_on()


def test_a_lane_that_finds_it_full_is_woken_whenever_the_room_is_made() -> None:
    woken: list[None] = []

    def full() -> Backlog:
        woken.clear()
        backlog = Backlog(lambda: woken.append(None), MOST)
        backlog.sending = MOST
        return backlog

    found = outcomes(full, lambda backlog: (backlog.stalls(), len(woken)), confirm)
    assert {(True, 1), (False, 0)} <= set(found), "the room is made after it looked, and before"
    assert (True, 0) not in found


def test_a_lane_that_finds_it_full_while_others_are_woken_is_not_forgotten() -> None:
    events: list[str] = []

    def has_room() -> Backlog:
        events.clear()
        backlog = Backlog(lambda: events.append("woken"), MOST)
        backlog.waited_for = True
        return backlog

    def wait(backlog: Backlog) -> None:
        backlog.made = MOST
        assert backlog.stalls()
        events.append("waits")

    def go_on(backlog: Backlog) -> tuple[bool, str]:
        backlog.go_on()
        return backlog.waited_for, events[-1]

    found = outcomes(has_room, go_on, wait)
    assert len(found) > 10
    assert (False, "waits") not in found


def test_responses_that_move_on_to_the_broker_are_counted_at_each_moment() -> None:
    def full() -> Backlog:
        backlog = Backlog(lambda: None, MOST)
        backlog.made = MOST
        return backlog

    def move(backlog: Backlog) -> None:
        backlog.sending += MOST
        backlog.made -= MOST

    assert set(outcomes(full, lambda backlog: backlog.full, move)) == {True}


def test_what_is_called_when_there_is_room_is_called_once_and_only_then() -> None:
    woken: list[None] = []
    called: list[str] = []
    backlog = Backlog(lambda: woken.append(None), 1)
    backlog.sending = 2
    backlog.when_room(lambda: called.append("first"))

    def begin_again() -> None:
        called.append("second")
        backlog.sending = 1

    backlog.when_room(begin_again)
    backlog.when_room(lambda: called.append("third"))
    assert backlog.waited_for
    backlog.go_on()
    assert (woken, called) == ([], [])
    confirm(backlog)
    assert called == ["first", "second"]
    assert backlog.waited_for, "the third one waits"
    confirm(backlog)
    assert called == ["first", "second", "third"]
    assert not backlog.waited_for


class Hammer:
    """Lanes that make responses, and a loop in which these are taken over, sent and confirmed."""

    def __init__(self) -> None:
        self.signals: SimpleQueue[None] = SimpleQueue()
        self.backlog = Backlog(self.wake, MOST)
        self.made: SimpleQueue[int] = SimpleQueue()
        self.waits = 0
        self.largest = 0

    def wake(self) -> None:
        for _ in range(LANES):
            self.signals.put(None)

    def lane(self) -> int:
        """Make responses, with the steps of a lane; returns how many were made before a wake-up did not come."""
        backlog = self.backlog
        for count in range(RESPONSES):
            while backlog.made + backlog.sending >= backlog.most and backlog.stalls():
                self.waits += 1
                try:
                    self.signals.get(timeout=LIMIT)
                except Empty:
                    return count
            with backlog.lock:
                backlog.made += SIZE
            self.made.put(SIZE)
        return RESPONSES

    def loop(self) -> None:
        """Take over what was made, and have it confirmed: often all of it, so that nothing else makes room."""
        backlog, left, unconfirmed = self.backlog, LANES * RESPONSES, 0
        while left:
            with suppress(Empty):
                while True:
                    size = self.made.get(timeout=0 if unconfirmed else LIMIT)
                    unconfirmed += size
                    left -= 1
                    self.send(unconfirmed)
                    with backlog.lock:
                        backlog.made -= size
                    if backlog.waited_for:
                        backlog.go_on()
            if not unconfirmed:
                return  # no lane goes on
            unconfirmed = 0
            confirm(backlog)

    def send(self, size: int) -> None:
        self.largest = max(self.largest, size)
        self.backlog.sending = size
        if self.backlog.waited_for:
            self.backlog.go_on()


def in_small_steps(call: Callable[[], T]) -> T:
    with watched_steps(lambda: None):  # the interpreter may switch threads where a function is called
        return call()


def test_no_lane_waits_for_ever_and_no_more_is_made_than_may_wait() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    hammer = Hammer()
    try:
        with ThreadPoolExecutor(LANES) as pool:
            lanes = [pool.submit(in_small_steps, hammer.lane) for _ in range(LANES)]
            in_small_steps(hammer.loop)
            assert [lane.result() for lane in lanes] == [RESPONSES] * LANES
    finally:
        sys.setswitchinterval(interval)
    assert hammer.waits > 0
    assert hammer.largest < MOST + LANES * SIZE
    assert (hammer.backlog.made, hammer.backlog.sending, hammer.backlog.full) == (0, 0, False)
