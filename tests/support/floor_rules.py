"""The rules of who may run, checked at each thing that happens on a floor; it knows nothing of how the floor works."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from leveret.sql.records import RequestKey
from leveret.worker.run.wait_budget import MOST, SHARE, TICK
from support.fake_lanes import FakeLanes

logger: Final = logging.getLogger("leveret.worker")

IN_VAIN: Final = TICK / SHARE
"""Seconds after which a budget that was used up is certainly one again."""

LONGEST: Final = 2 * (MOST + 2 * TICK)
"""Seconds: for the lanes, and then for confirms, two each."""


Place = tuple[str, object]
"""What runs in a lane, and its session."""


@dataclass
class Asked:
    """One request, and how far it has come."""

    name: str
    is_async: bool
    again: bool
    is_suspect: bool
    state: Literal["away", "read", "waiting", "running", "ended", "settled"] = "away"
    tag: int = 0
    known_at: float | None = None
    moved: int = 0
    failed: int = 0

    def come_again(self) -> None:
        """Go back to the queue: the broker delivers it again."""
        self.state, self.again = "away", True


class Rules(logging.Handler):
    """Keeps what happens, and notes what must not have happened.

    Attributes:
        wrong: what must not have been.
    """

    def __init__(self, asked: Mapping[str, Asked], lanes: FakeLanes) -> None:
        super().__init__(logging.INFO)
        self.wrong: list[str] = []
        self._asked = asked
        self._lanes = lanes
        self._in_lanes: dict[Place, float] = {}
        self._hang: set[Place] = set()  # what was waited for in vain
        self._published: dict[int, float] = {}  # without a confirm, and since when
        self._rejected: set[int] = set()
        self._to_move: list[Asked] = []
        self._moving: set[int] = set()  # what must be acked before anything begins
        self._to_read: dict[str, float] = {}
        self._reads: str | None = None
        self._alone: Asked | None = None  # a suspect, or one that was delivered before in the lanes
        self._gave_up_at = -IN_VAIN
        self._happened_at = 0.0
        self._loop = asyncio.get_running_loop()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take note of the log line that says that somebody is waited for no longer."""
        level = logger.level
        logger.addHandler(self)
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.removeHandler(self)
            logger.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        """From now on nobody is waited for, for a while."""
        if record.getMessage().startswith("no longer waiting for "):
            self._gave_up_at = self.now()
            self._hang |= set(self._in_lanes)
            self._moving.clear()
            if self._alone is not None and not self._alone.is_suspect:
                self._alone = None

    def now(self) -> float:
        """Seconds of the loop."""
        return self._loop.time()

    def unsettled(self) -> bool:
        """Whether a request has not come to its end."""
        return any(one.state != "settled" for one in self._asked.values())

    def look(self) -> None:
        """Check that whoever waits is not held up for longer than may be."""
        waiting = [one for one in self._asked.values() if one.state == "waiting" and one.known_at is not None]
        hinders = [one for one in self._asked.values() if one.state in ("running", "ended")]
        suspects = [one for one in (*waiting, *hinders) if one.is_suspect]
        silence = self.now() - self._happened_at
        if waiting and not suspects:
            self._check("held up for too long", silence > LONGEST)
        if waiting and not (hinders or self._lanes.busy or self._published):
            self._check("nothing hinders those that wait", silence > TICK)

    def looked_up(self, keys: Sequence[RequestKey]) -> None:
        """Note that the crash journal has been asked."""
        for key in keys:
            self._asked[key.id].known_at = self.now()
        self.happened()

    def happened(self) -> None:
        """Note that things go on."""
        self._happened_at = self.now()

    def in_lane(self, place: Place) -> bool:
        """Whether something runs in a lane."""
        return place in self._in_lanes

    def lane_taken(self, place: Place) -> None:
        """Note that something runs in a lane."""
        self._in_lanes[place] = self.now()

    def lane_left(self, place: Place) -> None:
        """Note that it has ended."""
        del self._in_lanes[place]
        if self._alone is not None and self._alone.name == place[0] and not self._alone.is_suspect:
            self._alone = None
        self.happened()

    def begin(self, asked: Sequence[Asked], *, over: bool) -> None:
        """Check whether requests may begin now."""
        self._check("begins after the end", over)
        self._check("begins twice, or after it was withdrawn", any(one.state != "waiting" for one in asked))
        self._check("begins while a message is read alone", self._reads is not None)
        self._check("begins before a failed request is moved", bool(self._to_move))
        self._check("begins before moved requests are settled", bool(self._moving) and not self._in_vain())
        self._check("begins beside one that has the floor alone", self._alone is not None)
        self._check("begins before a message is read", any(since < self.now() for since in self._to_read.values()))
        suspects = [one for one in asked if one.is_suspect]
        alone = [one for one in asked if one.again and not (one.is_async or one.is_suspect)]
        if suspects:
            self._check_suspect(asked)
            self._alone = suspects[0]
        else:
            self._check("begins before a suspect", self._waits(lambda one: one.is_suspect))
        if alone:
            self._check("delivered before, beside others", (len(asked) > 1 or self._occupied()) and not self._in_vain())
            self._alone = None if len(asked) > 1 or self._in_vain() else alone[0]
        elif not suspects:
            again = self._waits(lambda one: one.again and not one.is_async)
            self._check("begins before one that was delivered before", again and not self._in_vain())
        for one in asked:
            one.state = "running"
        self.happened()

    def wants_to_move(self, one: Asked) -> None:
        """Note that a request has failed."""
        one.failed += 1
        self._to_move.append(one)

    def move(self, asked: Sequence[Asked], *, over: bool) -> None:
        """Check whether failed requests may be moved now."""
        self._check("moved after the end", over)
        self._check("moved while a lane runs something", self._occupied() and not self._in_vain())
        self._check("moved while a message is read alone", self._reads is not None and not self._in_vain())
        for one in asked:
            one.moved += 1
            self._to_move.remove(one)
        self.happened()

    def moves_published(self) -> None:
        """Note that nothing may begin until all that was published by now is acked."""
        if not self._in_vain():
            self._moving |= set(self._published)

    def published(self, tag: int, *, rejected: bool = False) -> None:
        """Note that the broker has to confirm something."""
        self._published[tag] = self.now()
        if rejected:
            self._rejected.add(tag)

    def acked(self, asked: Sequence[Asked], tags: Sequence[int]) -> None:
        """Note that it has done so."""
        for one in asked:
            one.state = "settled"
        self._forget(tags)

    def withdrawn(self, asked: Sequence[Asked]) -> None:
        """Note what goes back to its queue."""
        for one in asked:
            one.state = "ended"
        self.happened()

    def put_back(self, asked: Sequence[Asked]) -> None:
        """Note that they are in their queue again, and are delivered again."""
        for one in asked:
            one.come_again()
        self._forget([one.tag for one in asked])

    def wants_to_read(self, one: Asked) -> None:
        """Note that a message waits to be read alone."""
        self._to_read[one.name] = self.now()

    @contextmanager
    def reading(self, one: Asked) -> Iterator[None]:
        """Check whether a message may be read alone now."""
        self._check("reads two messages", self._reads is not None)
        self._check("reads beside a suspect", self._alone is not None and self._alone.is_suspect)
        self._check("reads while a lane runs something", self._occupied() and not self._in_vain())
        self._check("reads before a failed request is moved", bool(self._to_move) and not self._in_vain())
        self._check("reads before moved requests are settled", bool(self._moving) and not self._in_vain())
        self._to_read.pop(one.name)
        self._reads = one.name
        try:
            yield
        finally:
            self._reads = None
            self.happened()

    def lost(self) -> None:
        """Note that the session is over: whatever is not acked comes again."""
        for one in self._asked.values():
            if one.state not in ("away", "settled"):
                one.come_again()
        self._forget(list(self._published))
        self._to_move.clear()
        self._to_read.clear()
        self._reads = self._alone = None
        self._gave_up_at = -IN_VAIN

    def _check_suspect(self, asked: Sequence[Asked]) -> None:
        self._check("a suspect beside others", len(asked) > 1)
        running = any(one.state == "running" for one in self._asked.values())
        self._check("a suspect while others run", running or self._occupied(but=self._hang))  # of an earlier session
        known_at = asked[0].known_at
        assert known_at is not None
        before = [tag for tag, since in self._published.items() if tag not in self._rejected or since < known_at]
        self._check("a suspect before all is settled", bool(before))

    def _forget(self, tags: Sequence[int]) -> None:
        for tag in tags:
            self._published.pop(tag, None)
            self._rejected.discard(tag)
            self._moving.discard(tag)
        if self._alone is not None and self._alone.is_suspect and self._alone.state in ("settled", "away"):
            self._alone = None
        self.happened()

    def _occupied(self, but: Collection[Place] = ()) -> bool:
        """Whether a lane runs something; a transaction may have begun in this very moment, as those go on."""
        running = [(place[0], since) for place, since in self._in_lanes.items() if place not in but]
        return any(not name.startswith("trans") or since < self.now() for name, since in running)

    def _waits(self, kind: Callable[[Asked], bool]) -> bool:
        waiting = [one for one in self._asked.values() if one.state == "waiting" and kind(one)]
        return any(one.known_at is not None and one.known_at < self.now() for one in waiting)

    def _in_vain(self) -> bool:
        return self.now() - self._gave_up_at <= IN_VAIN

    def _check(self, what: str, wrong: bool) -> None:
        if wrong:
            self.wrong.append(f"{self.now():.3f} s: {what}")
