"""What a worker tells its observers of each request: every point once and in order, whatever becomes of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from leveret.devbroker import DevBroker
from leveret.errors import StorageUnavailable
from leveret.observe import Ended, Record, Settled
from leveret.outcome import Answer, DeadLetter, PutBack, Retry
from leveret.sql import Store
from leveret.topology import Topology
from support.dead_workers import delivered_before
from support.notes import note_api
from support.serving import Caller, serving, until

ALL = ["Received", "Admitted", "Begun", "Ended", "Committed", "Settled"]
DOOR = ["Received", "Settled"]
UNCOMMITTED = [point for point in ALL if point != "Committed"]


def write(request_id: str, auth: str, then: str = "") -> dict[str, Any]:
    data = {"text": "x", "then": then}
    return {"id": request_id, "version": "v1", "action": "write", "data": data, "auth": auth}


class Told:
    """An observer that keeps what it is told, and in which thread."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.threads: list[str] = []

    def __call__(self, record: Record) -> None:
        self.records.append(record)
        self.threads.append(threading.current_thread().name)

    def points(self, request_id: str) -> list[str]:
        return [type(record).__name__ for record in self.records if record.subject.id == request_id]

    def outcome(self, request_id: str) -> Any:
        (settled,) = [each for each in self.records if isinstance(each, Settled) and each.subject.id == request_id]
        return settled.outcome

    def has_settled(self, request_id: str) -> Callable[[], bool]:
        return lambda: "Settled" in self.points(request_id)


@pytest.fixture
async def told(
    broker: DevBroker, topology: Topology, database: str, services: list[Exception], most: int
) -> AsyncIterator[Told]:
    """An observer of a worker that runs."""
    told = Told()
    serves = serving(note_api(), broker.url, topology, database, services=services, most=most, observers=[told])
    async with serves:
        yield told


@pytest.fixture
def services() -> list[Exception]:
    """Errors to come."""
    return []


@pytest.fixture
def most() -> int:
    """Retries."""
    return 0


async def test_a_request_that_is_executed_passes_all_points_in_their_order(
    told: Told, caller: Caller, token: str
) -> None:
    before = time.monotonic()
    assert (await caller.ask(write("a", token)))["status"] == "ok"
    await until(told.has_settled("a"), "its end")
    assert told.points("a") == ALL
    assert isinstance(told.outcome("a"), Answer)
    subjects = [record.subject for record in told.records]
    assert {subject.arrived for subject in subjects} == {subjects[0].arrived}
    moments = [before, subjects[0].arrived, *(record.at for record in told.records), time.monotonic()]
    assert moments == sorted(moments)
    assert [subject.action for subject in subjects] == ["-"] + ["v1.write"] * 5
    assert [subject.principal for subject in subjects] == [""] + ["7"] * 5
    in_lane = [thread.startswith("lane-") for thread in told.threads]
    assert in_lane == [point in {"Begun", "Ended", "Committed"} for point in ALL]


async def test_a_repeated_request_is_answered_without_a_beginning(told: Told, caller: Caller, token: str) -> None:
    assert await caller.ask(write("a", token)) == await caller.ask(write("a", token))
    await until(lambda: told.points("a").count("Settled") == 2, "the end of both")
    assert told.points("a") == [*ALL, "Received", "Admitted", "Settled"]
    last = told.records[-1]
    assert isinstance(last, Settled)
    assert isinstance(last.outcome, Answer)
    assert last.outcome.replayed


async def test_a_refusal_that_is_stored_is_committed(told: Told, caller: Caller, token: str) -> None:
    assert (await caller.ask(write("a", token, "before:conflict")))["code"] == "conflict"
    await until(told.has_settled("a"), "its end")
    assert told.points("a") == ALL
    (ended,) = [record for record in told.records if isinstance(record, Ended)]
    assert type(ended.error).__name__ == "Conflict"
    assert told.outcome("a").code == "conflict"


@pytest.mark.parametrize("most", [1])
async def test_a_request_that_is_retried_begins_twice_and_each_attempt_is_settled(
    told: Told, caller: Caller, token: str, services: list[Exception]
) -> None:
    services.append(ValueError("once"))
    assert (await caller.ask(write("a", token)))["status"] == "ok"
    await until(lambda: told.points("a").count("Settled") == 2, "the end of both")
    assert told.points("a") == [*UNCOMMITTED, *(point for point in ALL)]
    outcomes = [record.outcome for record in told.records if isinstance(record, Settled)]
    assert [type(outcome) for outcome in outcomes] == [Retry, Answer]


async def test_one_that_fails_for_good_is_settled_with_its_letter(told: Told, caller: Caller, token: str) -> None:
    assert (await caller.ask(write("a", token, "after:bug")))["code"] == "internal"
    await until(told.has_settled("a"), "its end")
    assert told.points("a") == UNCOMMITTED
    assert isinstance(told.outcome("a"), DeadLetter)


async def test_one_that_is_declined_is_received_and_settled(told: Told, caller: Caller, token: str) -> None:
    assert (await caller.ask(write("a", token) | {"action": "unknown"}))["code"] == "unknown_action"
    await until(told.has_settled("a"), "its end")
    assert told.points("a") == DOOR
    assert told.outcome("a").code == "unknown_action"


async def test_an_outage_is_settled_by_putting_the_request_back(
    told: Told, caller: Caller, token: str, services: list[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, gone = Store.answers, [StorageUnavailable("gone for a moment")]

    def answer_later(self: Store) -> None:
        if gone:
            raise gone.pop()
        answers(self)

    monkeypatch.setattr(Store, "answers", answer_later)
    services.append(StorageUnavailable("gone for a moment"))
    assert (await caller.ask(write("a", token)))["status"] == "ok"
    await until(lambda: told.points("a")[-1] == "Settled", "its end")
    outcomes = [record.outcome for record in told.records if isinstance(record, Settled)]
    assert [type(outcome) for outcome in outcomes] == [PutBack, Answer]
    assert told.points("a")[-6:] == ALL


async def test_one_that_was_delivered_before_is_told_of_as_all_others(
    broker: DevBroker, topology: Topology, database: str, caller: Caller, token: str
) -> None:
    told = Told()
    await delivered_before(caller, write("a", token))
    async with serving(note_api(), broker.url, topology, database, observers=[told]):
        assert (await caller.reply())["status"] == "ok"
        await until(told.has_settled("a"), "its end")
    assert told.points("a") == ALL
    assert told.records[0].subject.delivery.redelivered


@pytest.mark.parametrize(
    ("action", "points"),
    [
        ("sign_up", ["Received", "Admitted", "Begun", "Committed", "Ended", "Settled"]),
        ("health_check", UNCOMMITTED),
    ],
)
async def test_an_async_action_begins_and_ends_in_the_event_loop(
    told: Told, caller: Caller, action: str, points: list[str]
) -> None:
    data = {"user": "ann", "password": "hunter2"} if action == "sign_up" else {}
    asked = {"id": "a", "version": "v1", "action": action, "data": data, "auth": ""}
    assert (await caller.ask(asked))["status"] == "ok"
    await until(told.has_settled("a"), "its end")
    assert told.points("a") == points
    began = told.threads[told.points("a").index("Begun")]
    assert began == threading.current_thread().name


@pytest.mark.parametrize("point", ALL)
async def test_an_observer_that_fails_at_any_point_harms_nobody(
    broker: DevBroker,
    topology: Topology,
    database: str,
    caller: Caller,
    token: str,
    caplog: pytest.LogCaptureFixture,
    point: str,
) -> None:
    told = Told()

    def fail(record: Record) -> None:
        if type(record).__name__ == point:
            raise ZeroDivisionError

    async with serving(note_api(), broker.url, topology, database, observers=[fail, told]):
        for name in ("a", "b"):
            assert (await caller.ask(write(name, token)))["status"] == "ok"
        await until(told.has_settled("b"), "the end of both")
    assert told.points("a") == told.points("b") == ALL
    assert [record.levelno for record in caplog.records if "an observer failed" in record.message] == [logging.ERROR]


async def test_the_log_has_a_line_of_each_request_without_any_observer(
    broker: DevBroker, topology: Topology, database: str, caller: Caller, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    async with serving(note_api(), broker.url, topology, database, most=0):
        await caller.ask(write("a", token))
        await caller.ask(write("a", token))
        await caller.ask(write("b", token, "after:bug"))
    lines = [text for text in caplog.messages if text.startswith(("ok: ", "idem-replay: ", "dead-lettered: "))]
    assert lines[:2] == ["ok: a v1.write", "idem-replay: a v1.write"]
    assert lines[2].startswith("dead-lettered: b err=")
