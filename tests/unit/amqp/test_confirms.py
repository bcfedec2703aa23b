"""Confirms as a table of cases: what the broker says, and the verdict on each message."""

import asyncio

import pytest

from leveret.amqp import AmqpTimeout, ConnectionLost, Message, Properties, ProtocolError
from leveret.amqp.confirms import Confirms, Verdicts
from leveret.amqp.message import Confirmation, ReturnedMessage


def ack(tag: int, *, multiple: bool = False) -> Confirmation:
    return Confirmation(tag, multiple, accepted=True)


def nack(tag: int, *, multiple: bool = False) -> Confirmation:
    return Confirmation(tag, multiple, accepted=False)


def back(sequence: int) -> ReturnedMessage:
    return ReturnedMessage(sequence, 312, "NO_ROUTE", "x", "k", Properties(), b"")


def messages(count: int) -> list[Message]:
    return [Message(b"", f"k{number}", "x") for number in range(count)]


def names(verdicts: Verdicts) -> list[str]:
    return [type(verdict).__name__ if verdict else "ok" for verdict in verdicts]


def tell(confirms: Confirms, events: list[Confirmation | ReturnedMessage]) -> None:
    for event in events:
        if isinstance(event, ReturnedMessage):
            assert confirms.returned(event)
        else:
            confirms.settle(event)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([ack(1), ack(2), ack(3)], ["ok", "ok", "ok"]),
        ([ack(3), ack(1), ack(2)], ["ok", "ok", "ok"]),
        ([ack(3, multiple=True)], ["ok", "ok", "ok"]),
        ([ack(0, multiple=True)], ["ok", "ok", "ok"]),
        ([ack(2), ack(3, multiple=True)], ["ok", "ok", "ok"]),
        ([ack(1, multiple=True), ack(1, multiple=True), ack(3, multiple=True)], ["ok", "ok", "ok"]),
        ([nack(2), ack(3, multiple=True)], ["ok", "Refused", "ok"]),
        ([nack(3, multiple=True)], ["Refused", "Refused", "Refused"]),
        ([ack(1), nack(3, multiple=True)], ["ok", "Refused", "Refused"]),
        ([back(2), ack(3, multiple=True)], ["ok", "Unroutable", "ok"]),
        ([back(1), back(3), ack(1), ack(3), ack(2)], ["Unroutable", "ok", "Unroutable"]),
    ],
)
async def test_each_message_gets_its_own_verdict(
    events: list[Confirmation | ReturnedMessage], expected: list[str]
) -> None:
    confirms = Confirms(60)
    future = confirms.open(messages(3))
    tell(confirms, events[:-1])
    assert not future.done()
    tell(confirms, events[-1:])
    assert names(future.result()) == expected
    confirms.end(ConnectionLost("over"))


async def test_one_confirm_can_end_many_batches_and_leave_the_next_one_open() -> None:
    confirms = Confirms(60)
    first, second, third = (confirms.open(messages(count)) for count in (2, 1, 2))
    tell(confirms, [ack(4, multiple=True)])
    assert first.done()
    assert second.done()
    assert not third.done()
    confirms.end(ConnectionLost("over"))
    assert names(third.result()) == ["ok", "ConnectionLost"]


async def test_what_was_said_before_the_end_stays_said() -> None:
    confirms = Confirms(60)
    future = confirms.open(messages(4))
    tell(confirms, [ack(1), nack(2), back(3)])
    confirms.end(ConnectionLost("gone"))
    assert names(future.result()) == ["ok", "Refused", "Unroutable", "ConnectionLost"]
    assert [verdict.unknown for verdict in future.result() if verdict] == [False, False, True]


async def test_at_the_limit_the_unconfirmed_ones_are_unknown_and_late_confirms_harm_nobody() -> None:
    confirms = Confirms(0.01, lambda: " (blocked)")
    future = confirms.open(messages(2))
    confirms.settle(ack(1))
    verdicts = await future
    assert names(verdicts) == ["ok", "AmqpTimeout"]
    assert isinstance(verdicts[1], AmqpTimeout)
    assert verdicts[1].unknown
    assert str(verdicts[1]) == "no answer in 0.01 s to a publish (blocked)"
    later = confirms.open(messages(1))
    confirms.settle(ack(3, multiple=True))
    assert names(await later) == ["ok"]
    confirms.end(ConnectionLost("over"))


async def test_a_later_batch_keeps_its_own_limit() -> None:
    confirms = Confirms(0.05)
    first = confirms.open(messages(1))
    second = confirms.open(messages(1))
    confirms.settle(ack(1))
    assert names(await first) == ["ok"]
    assert names(await second) == ["AmqpTimeout"]


async def test_a_future_that_its_caller_cancelled_does_not_disturb_the_ledger() -> None:
    confirms = Confirms(60)
    given_up, kept = confirms.open(messages(1)), confirms.open(messages(1))
    given_up.cancel()
    tell(confirms, [ack(2, multiple=True)])
    assert names(await kept) == ["ok"]
    confirms.end(ConnectionLost("over"))


async def test_an_empty_batch_is_done_at_once() -> None:
    assert await Confirms(60).open([]) == []


@pytest.mark.parametrize("event", [ack(4), nack(4), ack(9, multiple=True), ack(0)])
async def test_a_confirm_of_what_was_never_published_is_a_protocol_error(event: Confirmation) -> None:
    confirms = Confirms(60)
    confirms.open(messages(3))
    with pytest.raises(ProtocolError, match="confirm of publish"):
        confirms.settle(event)
    confirms.end(ConnectionLost("over"))


@pytest.mark.parametrize("sequence", [0, 4, 2**63 - 1])
async def test_a_return_of_what_nobody_waits_for_is_told(sequence: int) -> None:
    confirms = Confirms(60)
    confirms.open(messages(3))
    assert not confirms.returned(back(sequence))
    confirms.end(ConnectionLost("over"))


async def test_ten_thousand_settled_batches_leave_nothing_behind() -> None:
    confirms = Confirms(60)
    for number in range(1, 10001):
        future = confirms.open(messages(1))
        confirms.settle(ack(number))
        assert future.done()
    assert len(confirms._waiting) == 1
    assert not confirms._batches
    confirms.end(ConnectionLost("over"))
    await asyncio.sleep(0)
