"""How far the requests of a test are, told from what a worker tells its observers."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from leveret.amqp import Delivery, Properties
from leveret.observe import Ended, Received, Settled, Subject
from leveret.outcome import Answer, Outcome, PutBack, Retry
from leveret.testing.ledger import Ledger

SOON = 0.05
"""Seconds after which these ledgers wait no longer."""


def subject(request_id: str) -> Subject:
    return Subject(
        request_id,
        "v1.act",
        "7",
        Delivery("c", 1, redelivered=False, exchange="", routing_key="q", properties=Properties(), body=b""),
        0.0,
    )


def received(request_id: str) -> Received:
    return Received(subject(request_id))


def settled(request_id: str, outcome: Outcome) -> Settled:
    return Settled(subject(request_id), outcome=outcome)


class Now:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
async def ledger(now: Now) -> Ledger:
    return Ledger(now, lambda: 0, asyncio.Event(), SOON)


async def is_settled(ledger: Ledger) -> bool:
    try:
        await ledger.settled()
    except TimeoutError:
        return False
    return True


async def test_what_was_sent_is_under_way_until_it_is_settled(ledger: Ledger) -> None:
    assert await is_settled(ledger)
    ledger.expect("one")
    with pytest.raises(TimeoutError, match=r"After 0\.05 s there is still under way: one"):
        await ledger.settled()
    ledger(received("one"))
    assert not await is_settled(ledger)
    ledger(settled("one", Answer(b"")))
    assert await is_settled(ledger)


async def test_a_request_that_was_put_back_is_still_under_way(ledger: Ledger) -> None:
    ledger.expect("one")
    ledger(received("one"))
    ledger(settled("one", PutBack("the database is away")))
    assert not await is_settled(ledger)


async def test_a_request_of_somebody_else_is_waited_for_once_it_is_received(ledger: Ledger) -> None:
    ledger(received("theirs"))
    assert not await is_settled(ledger)


async def test_what_did_not_reach_the_worker_can_be_forgotten_and_what_did_cannot(ledger: Ledger) -> None:
    ledger.expect("lost")
    ledger.forget("lost")
    assert await is_settled(ledger)
    ledger(received("there"))
    ledger.forget("there")
    assert not await is_settled(ledger)


async def test_a_retry_is_under_way_again_when_it_is_due(ledger: Ledger, now: Now) -> None:
    ledger.expect("one")
    ledger(received("one"))
    ledger(settled("one", Retry(2, timedelta(seconds=5), "not now")))
    assert await is_settled(ledger)
    assert ledger.next_due() == 105.0
    now.seconds = 103.0
    [waiting] = ledger.retries()
    assert (waiting.id, waiting.number, waiting.delay, waiting.left) == (
        "one",
        2,
        timedelta(seconds=5),
        timedelta(seconds=2),
    )
    now.seconds = 105.0
    assert not await is_settled(ledger)
    ledger(received("one"))
    assert ledger.retries() == []
    ledger(settled("one", Answer(b"")))
    assert await is_settled(ledger)
    assert ledger.next_due() is None


async def test_messages_at_the_broker_are_waited_for_too(now: Now) -> None:
    ledger = Ledger(now, lambda: 2, asyncio.Event(), SOON)
    with pytest.raises(TimeoutError, match="2 messages at the broker"):
        await ledger.settled()


async def test_what_an_action_raised_is_kept_until_its_request_is_settled(ledger: Ledger) -> None:
    first, second = KeyError("first"), KeyError("second")
    for error in (first, second):  # a batch ran again
        ledger(Ended(subject("one"), error=error))
    ledger(settled("one", Retry(1, timedelta(seconds=5), "x")))
    assert ledger.errors == [second]


async def test_what_a_call_waits_for_is_told_to_it_and_kept_for_nobody_else(ledger: Ledger) -> None:
    raised = ledger.watch("one")
    ledger(Ended(subject("one"), error=KeyError("x")))
    assert not raised.done()
    ledger(settled("one", Answer(b"", "conflict")))
    assert isinstance(raised.result(), KeyError)
    assert ledger.errors == []


async def test_an_attempt_that_succeeded_after_one_that_failed_raises_nothing(ledger: Ledger) -> None:
    ledger(Ended(subject("one"), error=KeyError("rolled back with its batch")))
    ledger(Ended(subject("one")))
    ledger(settled("one", Answer(b"")))
    assert ledger.errors == []


async def test_what_was_raised_can_be_asked_for_once_before_its_request_is_settled(ledger: Ledger) -> None:
    raised = ledger.watch("one")
    error = KeyError("x")
    ledger(Ended(subject("one"), error=error))
    assert (ledger.take_raised("one"), ledger.take_raised("one")) == (error, None)
    ledger.unwatch("one")
    ledger(settled("one", Answer(b"", "conflict")))
    assert (raised.done(), ledger.errors) == (False, [])
