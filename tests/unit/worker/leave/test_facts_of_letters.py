"""What a letter tells as fields: why, of which error, and of which attempts, whoever made them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from leveret.amqp import Delivery, Message, Properties
from leveret.errors import DeadlineExceeded, TemporaryError
from leveret.outcome import WORKERS_DIED_READING, DeadLetter, Retry
from leveret.retry import RetryPolicy, decide
from leveret.topology import Topology
from leveret.wire.attempts import attempts_digest, failed_attempt
from leveret.wire.letter import WORKERS_DIED_CODE, LetterBody, decode_letter
from leveret.worker.admit.rejections import refused
from leveret.worker.arrive.intake import Intake
from leveret.worker.leave.outcome_messages import OutcomeMessages
from leveret.worker.work import DeclinedDelivery, Work
from support.handmade_deliveries import delivery_of
from support.notes import note_api
from support.serving import keyring

RING = keyring()
TOPOLOGY = Topology("api", (timedelta(seconds=5),))
INTAKE = Intake(note_api(), RING)
ONE, OTHER = (OutcomeMessages(TOPOLOGY, RING, worker=name) for name in ("worker one", "worker other"))


def request(**other: Any) -> dict[str, Any]:
    token = RING.issue("7", timedelta(hours=1))
    return {"id": "a", "version": "v1", "action": "write", "data": {"text": "x"}, "auth": token} | other


def unanswered(**other: Any) -> Delivery:
    return replace(delivery_of(request(**other)), properties=Properties(correlation_id="a"))


def work(delivery: Delivery) -> Work:
    item = INTAKE.take(delivery)
    assert isinstance(item, Work)
    return item


def declined(delivery: Delivery) -> tuple[DeclinedDelivery, DeadLetter]:
    item = INTAKE.take(delivery)
    assert isinstance(item, DeclinedDelivery)
    assert isinstance(item.outcome, DeadLetter)
    return item, item.outcome


def delivered(message: Message) -> Delivery:
    """A retry as it comes back."""
    return replace(delivery_of(request()), body=message.body, properties=message.properties)


def retried(item: Work, reason: str, maker: OutcomeMessages = ONE) -> Message:
    (message,) = maker.of(item, Retry(item.retries + 1, timedelta(seconds=5), reason))
    return message


def letter(item: Work | DeclinedDelivery, outcome: DeadLetter) -> LetterBody:
    message = ONE.of(item, outcome)[0]
    found = decode_letter(message.body)
    assert found.message_id == message.properties.message_id
    return found


def reasons(found: LetterBody) -> list[tuple[str, str]]:
    assert isinstance(found.attempts, list)
    return [(attempt.worker, attempt.reason) for attempt in found.attempts]


def exhausted() -> DeadLetter:
    """The outcome of an attempt that is the last one."""
    outcome = decide(TemporaryError("at last"), "a", 2, RetryPolicy(most=2))
    assert isinstance(outcome, DeadLetter)
    return outcome


def test_a_letter_tells_of_the_attempts_on_all_workers() -> None:
    first = retried(work(delivery_of(request())), "at first")
    second = retried(work(delivered(first)), "again", OTHER)
    found = letter(work(delivered(second)), exhausted())
    assert reasons(found) == [("worker one", "at first"), ("worker other", "again"), ("worker one", "at last")]
    assert "x-attempts" not in found.headers
    assert (found.code, found.exception) == ("retries_exhausted", "leveret.errors.TemporaryError")


def test_a_letter_tells_which_version_wrote_it_and_failed_before() -> None:
    older, newer = (OutcomeMessages(TOPOLOGY, RING, worker="w", version=each) for each in ("1.4.1", "1.4.2"))
    back = work(delivered(retried(work(delivery_of(request())), "at first", older)))
    (message, _) = newer.of(back, exhausted())
    found = decode_letter(message.body)
    assert isinstance(found.attempts, list)
    assert (found.version, [each.version for each in found.attempts]) == ("1.4.2", ["1.4.1", "1.4.2"])
    assert letter(work(delivery_of(request())), exhausted()).version is UNSET, "an application may have no version"


def test_a_worker_that_does_not_know_versions_believes_attempts_that_have_them() -> None:
    with_version = failed_attempt(datetime.now(UTC), "w", "why", "1.4.2")
    assert attempts_digest([with_version]) == attempts_digest([replace(with_version, version="")])


@pytest.mark.parametrize("forged", [[{"failed_at": "x", "worker": "you", "reason": "sorry"}], "text", [], None])
def test_attempts_that_somebody_changed_are_not_believed_and_the_request_goes_on(forged: Any) -> None:
    back = delivered(retried(work(delivery_of(request())), "at first"))
    changed = replace(back, properties=replace(back.properties, headers={"x-retry-count": 1, "x-attempts": forged}))
    assert reasons(letter(work(changed), exhausted())) == [("worker one", "at last")]


def test_attempts_of_a_caller_are_not_believed() -> None:
    forged = [{"failed_at": "x", "worker": "you", "reason": "sorry"}]
    asked_so = delivery_of(request())
    asked_so = replace(asked_so, properties=replace(asked_so.properties, headers={"x-attempts": forged}))
    found = letter(work(asked_so), exhausted())
    assert reasons(found) == [("worker one", "at last")]
    assert found.headers == {"x-attempts": forged}, "it is kept as what it is, a header of the caller's"


def test_a_retry_of_an_older_worker_tells_of_no_attempt() -> None:
    back = delivered(retried(work(delivery_of(request())), "at first"))
    older = replace(back, properties=replace(back.properties, headers={"x-retry-count": 1}))
    assert reasons(letter(work(older), exhausted())) == [("worker one", "at last")]


def test_a_request_that_workers_died_on_keeps_the_attempts_of_before() -> None:
    back = delivered(retried(work(delivery_of(request())), "at first"))
    found = letter(work(back), DeadLetter("3 workers died", "internal", WORKERS_DIED_CODE))
    assert (found.code, reasons(found)) == ("workers_died", [("worker one", "at first")])


def test_a_refused_request_that_nobody_waits_for_has_the_code_of_the_refusal() -> None:
    assert letter(*declined(unanswered(data={"text": 7}))).code == "invalid_request"
    assert letter(*declined(unanswered(action="gone"))).code == "unknown_action"
    assert letter(*declined(unanswered(auth="x"))).code == "unauthenticated"
    assert letter(*declined(replace(unanswered(), body=b"\xff"))).code == "invalid_request"
    assert letter(*declined(replace(unanswered(), unreadable="too many bytes"))).code == "invalid_request"
    late = work(unanswered())
    outcome = refused(late, DeadlineExceeded("too late"))
    assert isinstance(outcome, DeadLetter)
    assert letter(late, outcome).code == "deadline_exceeded"


def test_a_foreign_reply_queue_has_a_code_of_its_own() -> None:
    foreign = replace(delivery_of(request()), properties=Properties(correlation_id="a", reply_to="tasks"))
    assert letter(*declined(foreign)).code == "foreign_reply_to"


def given_up_unread(delivery: Delivery, died: DeadLetter) -> list[Message]:
    item = INTAKE.leave_unread(delivery, died)
    assert isinstance(item.outcome, DeadLetter)
    return ONE.of(item, item.outcome)


def test_a_message_that_is_given_up_unread_has_the_code_of_its_outcome_and_may_not_be_told_to_a_foreign_queue() -> None:
    died = DeadLetter(f"3 {WORKERS_DIED_READING}", "internal", WORKERS_DIED_CODE)
    told = given_up_unread(delivery_of(request()), died)
    assert [json.loads(message.body).get("code") for message in told] == ["workers_died", "internal"]
    foreign = replace(delivery_of(request()), properties=Properties(reply_to="tasks"))
    (alone,) = given_up_unread(foreign, died)
    assert decode_letter(alone.body).code == "workers_died"


def test_two_letters_have_two_ids() -> None:
    item = work(delivery_of(request()))
    assert letter(item, exhausted()).message_id != letter(item, exhausted()).message_id
