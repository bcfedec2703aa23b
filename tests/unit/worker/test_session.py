"""Having deliveries come, and no more of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from leveret.amqp import AmqpError, Channel, ChannelClosed, ConnectFailed, Connection, ConnectionLost, Delivery
from leveret.amqp.errors import channel_closed
from leveret.topology import Topology
from leveret.worker.session import PublishRefused, Reopening, Session, SessionLost


class FakeChannel:
    """In place of a channel.

    Attributes:
        cancelled: the tags of consumers that were cancelled.
    """

    def __init__(self) -> None:
        self.closed: asyncio.Future[AmqpError | None] = asyncio.get_running_loop().create_future()
        self.cancelled: list[str] = []

    async def consume(self, _queue: str, _on_deliveries: Callable[[list[Delivery]], None], **_others: Any) -> str:
        """As a channel does it."""
        return "c1"

    async def cancel(self, tag: str) -> None:
        """As a channel does it."""
        self.cancelled.append(tag)


async def test_a_stop_of_consuming_that_is_cancelled_before_it_has_told_the_broker_is_made_good_by_the_next() -> None:
    channel = FakeChannel()
    connection, fake = cast("Connection", FakeChannel()), cast("Channel", channel)
    session = Session(
        connection, connection, fake, fake, prefetch=1, topology=Topology(), connect=cast("Any", lambda _: None)
    )
    await session.consume("queue", lambda _: None)
    first = asyncio.create_task(session.stop_consuming())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert channel.cancelled == []
    await session.stop_consuming()
    assert channel.cancelled == ["c1"]


REFUSED = ChannelClosed("ACCESS_REFUSED - no", 403)
OTHER_ARGUMENTS = channel_closed(
    406, "PRECONDITION_FAILED - inequivalent arg 'x' for queue 'q' in vhost '/': received none but current is 1"
)


@pytest.mark.parametrize(
    ("error", "ends", "ends_while_it_may_not_publish"),
    [
        (REFUSED, True, False),
        (SessionLost("cannot consume", REFUSED), True, True),
        (PublishRefused(REFUSED), False, False),
        (OTHER_ARGUMENTS, True, True),
        (ConnectFailed("wrong password", fatal=True), True, True),
        (ConnectFailed("nobody listens"), False, False),
        (SessionLost("gone", ConnectionLost("gone")), False, False),
        (ChannelClosed("NOT_FOUND", 404), False, False),
    ],
)
def test_a_worker_ends_when_no_other_session_can_go_better(
    error: AmqpError | SessionLost, ends: bool, ends_while_it_may_not_publish: bool
) -> None:
    assert (Reopening().pause_after(error) is None) is ends
    reopening = Reopening()
    reopening.pause_after(PublishRefused(REFUSED))
    assert (reopening.pause_after(error) is None) is ends_while_it_may_not_publish


def lasted(error: SessionLost, seconds: float) -> SessionLost:
    error.lasted = seconds
    return error


def test_pauses_grow_while_publishing_is_refused_however_long_sessions_last() -> None:
    reopening = Reopening()
    pauses = [reopening.pause_after(lasted(PublishRefused(REFUSED), 60)) or 0 for _ in range(12)]
    assert pauses[-1] > 7
    assert (reopening.pause_after(lasted(SessionLost("gone"), 60)) or 99) <= 0.1, "the first pause again"


def test_refused_declarations_are_waited_for_until_a_session_has_gone_well() -> None:
    reopening = Reopening()
    reopening.pause_after(PublishRefused(REFUSED))
    assert reopening.pause_after(lasted(SessionLost("gone"), 0.1)) is not None
    assert reopening.pause_after(REFUSED) is not None
    reopening.pause_after(lasted(SessionLost("gone"), 60))
    assert reopening.pause_after(REFUSED) is None


async def test_only_a_refusal_to_consume_ends_more_than_the_session() -> None:
    for channel_of_deliveries in (True, False):
        consumer, connection = FakeChannel(), cast("Connection", FakeChannel())
        publisher = cast("Channel", FakeChannel())
        session = Session(
            connection,
            connection,
            cast("Channel", consumer),
            publisher,
            prefetch=1,
            topology=Topology(),
            connect=cast("Any", lambda _: None),
        )
        if channel_of_deliveries:
            consumer.closed.set_result(REFUSED)
        else:
            session.fail_publishing(REFUSED)
        lost = await session.lost
        assert lost is not None
        assert lost.fatal is channel_of_deliveries
        assert "ACCESS_REFUSED - no" in str(lost)
