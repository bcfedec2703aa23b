"""Who is killed at which point, and that no innocent request is hit too often."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from faults.crash_points import (
    AFTER_COMMIT,
    BEFORE_ACK,
    LETTER_BEFORE_ACK,
    POINTS,
    RECEIVED,
    REPLY_SENT,
    RETRY_BEFORE_ACK,
    Killer,
    KillLog,
    _ids,
)
from faults.killed_workers import _next_point
from leveret.amqp import Message, Properties


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


REPLY = Message(b"", "amq.gen-1", properties=Properties(correlation_id="asked"))
RETRY = Message(b"", "api.requests.retry", properties=Properties(correlation_id="retried"), mandatory=True)
LETTER = Message(b"", "api.requests.dlq", properties=Properties(correlation_id="given up"), mandatory=True)


@pytest.mark.parametrize(
    ("point", "about"),
    [
        (REPLY_SENT, ["asked"]),
        (BEFORE_ACK, ["asked"]),
        (RETRY_BEFORE_ACK, ["retried"]),
        (LETTER_BEFORE_ACK, ["given up"]),
    ],
)
def test_each_point_is_about_its_own_kind_of_message(point: str, about: list[str]) -> None:
    assert _ids([REPLY, RETRY, LETTER], point) == about
