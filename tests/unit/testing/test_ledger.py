"""How far the requests of a test are, told from what a worker tells its observers."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from leveret.amqp import Delivery, Properties
from leveret.observe import Ended, Received, Settled, Subject
from leveret.outcome import Answer, DeadLetter, Outcome, PutBack, Retry
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


def unseen(ledger: Ledger) -> BaseException | None:
    """Return what nobody has seen yet."""
    try:
        ledger.raise_unseen()
    except BaseException as error:
        return error
    return None


async def test_what_an_action_raised_is_kept_until_its_request_is_settled(ledger: Ledger) -> None:
    first, second = KeyError("first"), KeyError("second")
    for error in (first, second):  # a batch ran again
        ledger(Ended(subject("one"), error=error))
    assert unseen(ledger) is None
    ledger(settled("one", Retry(1, timedelta(seconds=5), "x")))
    assert (unseen(ledger), unseen(ledger)) == (second, None)


async def test_several_that_nobody_saw_are_raised_together(ledger: Ledger) -> None:
    errors = {name: KeyError(name) for name in ("one", "two")}
    for name, error in errors.items():
        ledger(Ended(subject(name), error=error))
        ledger(settled(name, Answer(b"", "internal_error")))
    with pytest.raises(ExceptionGroup, match="2 attempts have failed") as raised:
        ledger.raise_unseen()
    assert raised.value.exceptions == tuple(errors.values())
    assert unseen(ledger) is None


async def test_what_a_call_waits_for_is_told_to_it_and_kept_for_nobody_else(ledger: Ledger) -> None:
    error = KeyError("x")

    def call() -> None:
        with ledger.watching("one") as watched:
            ledger(Ended(subject("one"), error=error))
            assert (ledger.has_raised("one"), watched.done()) == (True, False)
            ledger(settled("one", Answer(b"", "conflict")))
            assert ledger.has_raised("one") is False
            assert watched.result() is error
            raise error

    with pytest.raises(KeyError):
        call()
    assert unseen(ledger) is None


async def test_what_a_call_was_told_and_did_not_raise_is_kept(ledger: Ledger) -> None:
    error = KeyError("x")

    def call() -> None:
        with ledger.watching("one"):
            ledger(Ended(subject("one"), error=error))
            ledger(settled("one", Answer(b"", "conflict")))
            raise TimeoutError("the test gave up")

    with pytest.raises(TimeoutError):
        call()
    assert unseen(ledger) is error


async def test_calls_with_one_id_are_told_one_after_the_other(ledger: Ledger) -> None:
    with ledger.watching("one") as first, ledger.watching("one") as second:
        ledger(settled("one", Answer(b"")))
        assert (first.done(), second.done()) == (True, False)
        ledger(Ended(subject("one"), error=KeyError("x")))
        ledger(settled("one", Answer(b"", "conflict")))
        assert isinstance(second.result(), KeyError)


async def test_an_attempt_that_succeeded_after_one_that_failed_raises_nothing(ledger: Ledger) -> None:
    ledger(Ended(subject("one"), error=KeyError("rolled back with its batch")))
    ledger(Ended(subject("one")))
    ledger(settled("one", Answer(b"")))
    assert unseen(ledger) is None


async def test_what_an_attempt_raised_that_was_lost_is_not_the_next_ones(ledger: Ledger) -> None:
    ledger(Ended(subject("one"), error=asyncio.CancelledError()))
    ledger(received("one"))
    ledger(settled("one", Answer(b"", replayed=True)))
    assert unseen(ledger) is None


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()])
async def test_what_would_end_the_test_itself_is_only_the_cause(ledger: Ledger, error: BaseException) -> None:
    ledger(Ended(subject("one"), error=error))
    ledger(settled("one", Retry(1, timedelta(seconds=5), "x")))
    with pytest.raises(RuntimeError, match=f"the action raised {type(error).__name__}") as raised:
        ledger.raise_unseen()
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    "outcome",
    [
        Retry(1, timedelta(seconds=5), "TimeoutError: took longer than 2 s"),
        DeadLetter("retries exhausted: it", attempt="TimeoutError: took longer than 2 s"),
    ],
)
async def test_an_action_that_was_cancelled_because_it_took_too_long_has_timed_out(
    ledger: Ledger, outcome: Outcome
) -> None:
    ledger(Ended(subject("one"), error=asyncio.CancelledError()))
    ledger(settled("one", outcome))
    with pytest.raises(TimeoutError, match=r"^took longer than 2 s$"):
        ledger.raise_unseen()
