"""Who is killed at which point, and that no innocent request is hit too often."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from faults.crash_points import (
    AFTER_COMMIT,
    AUTHENTICATED,
    BEFORE_ACK,
    BEFORE_COMMIT,
    EFFECT_DONE,
    LETTER_BEFORE_ACK,
    POINTS,
    RECEIVED,
    RETRY_BEFORE_ACK,
    Killer,
    KillLog,
    Points,
)
from faults.killed_workers import _next_point
from leveret.amqp import Channel, Delivery, Properties
from leveret.inbox.journal import Journal, end_within
from leveret.observe import Admitted, Begun, Committed, Ended, Received, Record, Settled, Subject
from leveret.outcome import Answer, DeadLetter, PutBack, Retry
from leveret.sql import Store, create_engine
from leveret.sql.records import RequestKey
from support.serving import sqlite_url


class Died(Exception):
    """Stands for SIGKILL."""


def die() -> None:
    raise Died


@pytest.fixture
def log(tmp_path: Path) -> KillLog:
    return KillLog(tmp_path / "kills.log")


def killer(log: KillLog, point: str = RECEIVED, passes: int = 0) -> Killer:
    return Killer(log, point, passes, random=Random(1), die=die)


def test_a_life_ends_at_its_point_after_as_many_passes_as_it_was_given(log: KillLog) -> None:
    mortal = killer(log, passes=2)
    mortal.reach(RECEIVED, ["a"])
    mortal.reach(RECEIVED, ["b"])
    assert mortal.aims_at(RECEIVED)
    with pytest.raises(Died):
        mortal.reach(RECEIVED, ["c"])
    assert log.deaths() == {RECEIVED: 1}
    assert log.hits() == {"c": 1}


def test_other_points_are_passed_unharmed(log: KillLog) -> None:
    mortal = killer(log, AFTER_COMMIT)
    mortal.reach(RECEIVED, ["a"])
    assert not log.deaths()


def test_a_request_is_never_hit_a_third_time(log: KillLog) -> None:
    for _ in range(2):
        with pytest.raises(Died):
            killer(log).reach(RECEIVED, ["a"])
    mortal = killer(log)
    mortal.reach(RECEIVED, ["a"])
    with pytest.raises(Died):
        mortal.reach(RECEIVED, ["a", "b"])
    assert log.hits() == {"a": 2, "b": 1}


def test_a_death_is_put_down_to_the_request_that_ran_meanwhile_too(log: KillLog) -> None:
    for _ in range(2):
        mortal = killer(log)
        mortal.running.add("journaled")
        with pytest.raises(Died):
            mortal.reach(RECEIVED, [f"a{len(log.deaths())}"])
    assert log.hits()["journaled"] == 2
    spared = killer(log)
    spared.running.add("journaled")
    spared.reach(RECEIVED, ["z"])
    spared.running.clear()
    with pytest.raises(Died):
        spared.reach(RECEIVED, ["z"])


def test_lines_of_several_writers_stay_whole(log: KillLog) -> None:
    names = [f"request-{number:04d}" for number in range(200)]
    threads = [threading.Thread(target=log.write, args=(RECEIVED, [name, "shared"])) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.deaths() == {RECEIVED: 200}
    assert log.hits() == Counter(dict.fromkeys(names, 1) | {"shared": 200})


def test_points_get_their_deaths_evenly_and_then_lives_go_on(log: KillLog) -> None:
    seen: Counter[str | None] = Counter()
    while (point := _next_point(log, 3, Random(1))) is not None:
        seen[point] += 1
        log.write(point, ["a"])
    assert seen == dict.fromkeys(POINTS, 3)


DELIVERY = Delivery(
    "c", 1, redelivered=False, exchange="", routing_key="", properties=Properties(correlation_id="asked"), body=b""
)
SUBJECT = Subject("asked", "v1.ask", "7", DELIVERY, 0.0)


@pytest.mark.parametrize(
    ("record", "point"),
    [
        (Received(SUBJECT), RECEIVED),
        (Admitted(SUBJECT), AUTHENTICATED),
        (Ended(SUBJECT), EFFECT_DONE),
        (Committed(SUBJECT), AFTER_COMMIT),
        (Settled(SUBJECT, outcome=Answer(b"")), BEFORE_ACK),
        (Settled(SUBJECT, outcome=Retry(1, timedelta(seconds=5), "busy")), RETRY_BEFORE_ACK),
        (Settled(SUBJECT, outcome=DeadLetter("given up")), LETTER_BEFORE_ACK),
    ],
    ids=lambda given: given if isinstance(given, str) else type(given).__name__,
)
def test_each_point_is_reached_with_its_own_record(log: KillLog, record: Record, point: str) -> None:
    for other in set(POINTS) - {point}:
        Points(killer(log, other))(record)
    assert not log.deaths()
    with pytest.raises(Died):
        Points(killer(log, point))(record)
    assert log.hits() == {"asked": 1}


@pytest.mark.parametrize(
    "record", [Begun(SUBJECT), Ended(SUBJECT, error=ValueError()), Settled(SUBJECT, outcome=PutBack("away"))]
)
def test_no_life_ends_at_another_record(log: KillLog, record: Record) -> None:
    for point in POINTS:
        Points(killer(log, point))(record)
    assert not log.deaths()


@pytest.fixture
def points(log: KillLog, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Points, Killer]]:
    """Points that SQLAlchemy's events reach."""
    monkeypatch.setattr(Channel, "publish_batch", Channel.publish_batch)  # put back what is wrapped
    listened: list[tuple[str, Callable[..., Any]]] = []
    listen = sa.event.listen

    def remember(target: Any, name: str, function: Callable[..., Any]) -> None:
        listened.append((name, function))
        listen(target, name, function)

    monkeypatch.setattr(sa.event, "listen", remember)
    mortal = killer(log, BEFORE_COMMIT)
    points = Points(mortal)
    points.listen()
    monkeypatch.undo()
    yield points, mortal
    for name, function in listened:
        sa.event.remove(sa.Engine, name, function)


def test_what_stands_in_the_crash_journal_runs_until_its_entry_is_gone_for_good(
    points: tuple[Points, Killer], tmp_path: Path
) -> None:
    store = Store(create_engine(sqlite_url(tmp_path)))
    journal, (seen, mortal) = Journal(), points
    one, other = RequestKey("7", "one"), RequestKey("7", "other")
    journal.begin(store, [one, other])
    assert mortal.running == {"one", "other"}
    journal.end(store, [one])
    store.clock()
    assert mortal.running == {"other"}
    with suppress(ZeroDivisionError), store.begin(writes=True) as transaction:
        end_within(transaction, other)
        raise ZeroDivisionError
    store.clock()
    assert mortal.running == {"other"}, "it was rolled back"
    seen(Settled(replace(SUBJECT, id="other"), outcome=Answer(b"")))
    assert not mortal.running
    store.close()


def test_a_commit_is_about_those_whose_actions_ended_before_it(
    points: tuple[Points, Killer], tmp_path: Path, log: KillLog
) -> None:
    store, (seen, _) = Store(create_engine(sqlite_url(tmp_path))), points
    with pytest.raises(Died), store.begin(writes=True):
        seen(Ended(SUBJECT))
    assert log.hits() == {"asked": 1}
    store.close()
