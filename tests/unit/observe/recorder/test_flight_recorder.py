"""A recorder: the last requests stay, with the points that they passed, whatever becomes of the process."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from leveret.amqp import Delivery
from leveret.observe import Admitted, Begun, Committed, Ended, Observers, Received, Settled, Subject
from leveret.observe.recorder import FlightRecorder, FlightRecording, find, read_recordings
from leveret.outcome import Answer, DeadLetter, Outcome, PutBack, Retry
from support.handmade_deliveries import delivery_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "recordings"


def subjects(request_id: str, attempt: int = 1) -> tuple[Subject, Subject]:
    """Return what is told of a delivery before it is read, and afterwards."""
    delivery: Delivery = delivery_of({"id": request_id})
    return Subject(request_id, "-", "", delivery, 1.0), Subject(request_id, "v1.sign", "7", delivery, 1.0, attempt)


def pass_points(recorder: FlightRecorder, request_id: str, outcome: Outcome, attempt: int = 1) -> None:
    unread, subject = subjects(request_id, attempt)
    told = Observers([recorder])
    for record in (Received(unread), Admitted(subject), Begun(subject), Ended(subject), Committed(subject)):
        told.tell(record)
    told.settle([Settled(subject, outcome=outcome)])
    assert told.active


def the_one(folder: Path) -> FlightRecording:
    (found,) = read_recordings("guestbook", folder=folder)
    return found


@pytest.mark.parametrize(
    ("outcome", "word", "code"),
    [
        (Answer(b"{}"), "ok", ""),
        (Answer(b"{}", "conflict"), "refused", "conflict"),
        (Answer(b"{}", replayed=True), "replayed", ""),
        (Retry(1, timedelta(seconds=5), "why"), "retry", ""),
        (DeadLetter("why", code="internal"), "letter", "internal"),
        (PutBack("why"), "put_back", ""),
    ],
)
def test_a_request_is_recorded_with_its_points_and_its_outcome(
    folder: Path, outcome: Outcome, word: str, code: str
) -> None:
    pass_points(FlightRecorder("guestbook", "worker 1", folder=folder), "a-1", outcome, attempt=3)
    ((recording, request),) = find("guestbook", "a-1", folder=folder)
    assert (recording.worker, recording.alive, recording.died, recording.torn) == ("worker 1", True, False, 0)
    assert (request.action, request.attempt, request.outcome, request.code) == ("v1.sign", 3, word, code)
    times = [request.received, request.admitted, request.begun, request.ended, request.committed, request.settled]
    assert None not in times
    assert times == sorted(times, key=lambda each: each or 0)
    assert not request.in_hand
    assert not list(find("guestbook", "a-2", folder=folder))


def test_what_has_begun_and_not_ended_is_running(folder: Path) -> None:
    recorder = FlightRecorder("guestbook", "worker", folder=folder)
    deliveries = {name: subjects(name) for name in ("received", "running", "ended", "again")}
    for unread, _ in deliveries.values():
        recorder(Received(unread))
    for name in ("running", "ended", "again"):
        recorder(Admitted(deliveries[name][1]))
        recorder(Begun(deliveries[name][1]))
    for name in ("ended", "again"):
        recorder(Ended(deliveries[name][1]))
    recorder(Begun(deliveries["again"][1]))
    found = the_one(folder)
    assert {request.id for request in found.in_hand} == set(deliveries)
    assert {request.id for request in found.requests if request.running} == {"running", "again"}


def test_a_message_whose_id_was_not_its_correlation_id_is_found_under_its_own(folder: Path) -> None:
    recorder = FlightRecorder("guestbook", "worker", folder=folder)
    unread, subject = subjects("correlation")
    recorder(Received(unread))
    recorder(Admitted(replace(subject, id="own")))
    ((_, request),) = find("guestbook", "own", folder=folder)
    assert (request.action, request.sequence) == ("v1.sign", 1)
    assert request.received
    assert request.admitted
    assert not list(find("guestbook", "correlation", folder=folder))


def test_only_the_last_requests_are_kept_and_one_that_is_written_over_is_left_alone(folder: Path) -> None:
    recorder = FlightRecorder("guestbook", "worker", records=10, folder=folder)
    unread, old = subjects("old")
    recorder(Received(unread))
    for number in range(25):
        pass_points(recorder, f"a-{number}", Answer(b"{}"))
    recorder(Settled(old, outcome=Answer(b"{}", "late")))
    assert [request.id for request in the_one(folder).requests] == [f"a-{number}" for number in range(24, 14, -1)]
    assert {request.code for request in the_one(folder).requests} == {""}


def test_a_recording_is_for_its_owner_and_holds_no_principal_and_no_data(folder: Path) -> None:
    recorder = FlightRecorder("guest/book", "worker", folder=folder)
    unread, _ = subjects("a-1")
    recorder(Received(unread))
    recorder(Admitted(Subject("a-1", "v1.sign", "principal-x", unread.delivery, 1.0)))
    assert recorder.path.name.startswith("guest_book-")
    assert stat.S_IMODE(recorder.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert b"principal-x" not in recorder.path.read_bytes()


def test_a_recorder_that_is_closed_says_so_and_takes_late_records(folder: Path) -> None:
    recorder = FlightRecorder("guestbook", "worker", folder=folder)
    recorder.close()
    pass_points(recorder, "late", Answer(b"{}"))
    found = the_one(folder)
    assert found.closed
    assert (found.alive, found.died) == (False, False)


def test_a_folder_that_others_may_use_is_refused(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="only this user"):
        FlightRecorder("guestbook", "worker", folder=folder)


def test_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError, match="only this user"):
        FlightRecorder("guestbook", "worker", folder=folder)
