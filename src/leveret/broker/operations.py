"""What an operator does at the broker, in one call each: look at queues and letters, apply, purge, remove."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct

from leveret.amqp import AddressError, Addresses, AmqpError, ChannelClosed, Connection, Delivery, QueueState
from leveret.broker.granting import BrokerUser, Granted, grant
from leveret.broker.management import Login, Management, ManagementAddress, ManagementTrouble
from leveret.errors import LeveretError
from leveret.letters.look import Letter, look
from leveret.letters.redrive import NotRedrivable, Redriver, request_id
from leveret.letters.walk import Decide, Decision, Drop, Keep, Send, walk
from leveret.topology import Topology

_NOT_FOUND: Final = 404


class BrokerTrouble(LeveretError):
    """The broker cannot be reached, or refused; the text says why and what to do."""


class QueueReport(Struct, frozen=True):
    """One queue of a topology at this moment.

    Attributes:
        name: its name.
        purpose: what it is for.
        messages: messages that wait, without those in consumers' hands; None when there is no such queue.
        consumers: who consumes it; None when there is no such queue.
    """

    name: str
    purpose: str
    messages: int | None
    consumers: int | None


class LetterFate(Struct, frozen=True):
    """What became of one dead letter.

    Attributes:
        id: its request's id, where it tells.
        kept: why it stays in the queue; empty when it was taken out.
    """

    id: str | None
    kept: str


class LetterReport(Struct, frozen=True):
    """What became of the dead letters that somebody asked for.

    Attributes:
        done: so many were taken out: sent again, or discarded.
        kept: so many stay for a reason.
        missing: ids of which no letter was seen.
        complete: every letter of the queue was seen.
    """

    done: int
    kept: int
    missing: tuple[str, ...]
    complete: bool


def shown_address(url: str) -> str:
    """Write a broker's address, or several, without users and passwords.

    Raises:
        ValueError: it is none.
    """
    try:
        return str(Addresses.parse(url))
    except AddressError as error:
        raise ValueError(str(error)) from error


def vhost_of(url: str) -> str:
    """Give the vhost of a broker's address.

    Raises:
        ValueError: it is none.
    """
    try:
        return Addresses.parse(url).vhost
    except AddressError as error:
        raise ValueError(str(error)) from error


def apply_users(address: ManagementAddress, login: Login, vhost: str, users: Sequence[BrokerUser]) -> Iterator[Granted]:
    """Make users at the broker, or set what they may do in a vhost; see `leveret.broker.granting.grant`.

    Raises:
        BrokerTrouble: the management API does not answer or refuses.
    """
    try:
        yield from grant(Management(address, login), vhost, users)
    except ManagementTrouble as error:
        raise BrokerTrouble(str(error)) from error


async def report_queues(url: str, topology: Topology) -> list[QueueReport]:
    """Count what waits in each queue of a topology; nothing is declared.

    Raises:
        BrokerTrouble: there is no connection, or no permission.
    """
    async with _connected(url) as connection:
        reports = []
        for queue in topology.queues:
            state = await _state(connection, queue.name)
            counts = (state.messages, state.consumers) if state else (None, None)
            reports.append(QueueReport(queue.name, queue.purpose, *counts))
        return reports


async def apply_topology(url: str, topology: Topology) -> None:
    """Declare everything of a topology; what is there already stays as it is.

    Raises:
        BrokerTrouble: something is there with other arguments; the text says what and how to get out.
    """
    async with _connected(url) as connection:
        await topology.declare(await connection.channel())


async def purge_queue(url: str, queue: str) -> int:
    """Drop the messages that wait in a queue and return how many they were; those in workers' hands stay.

    Raises:
        BrokerTrouble: there is no such queue, or no permission.
    """
    async with _connected(url) as connection:
        return await (await connection.channel()).purge_queue(queue)


async def remove_topology(url: str, topology: Topology) -> None:
    """Delete the exchange and all queues of a topology with everything that lies in them.

    Raises:
        BrokerTrouble: the broker cannot be reached, or refused.
    """
    async with _connected(url) as connection:
        channel = await connection.channel()
        for queue in topology.queues:
            await channel.delete_queue(queue.name)
        await channel.delete_exchange(topology.exchange)


async def look_at_letters(url: str, topology: Topology, most: int) -> list[Letter]:
    """Show the oldest dead letters, oldest first, and leave them where and as they are; see `dead_letters.look`.

    Raises:
        BrokerTrouble: there is no such queue, or no permission.
        ValueError: ``most`` is out of range.
    """
    async with _connected(url) as connection:
        return await look(connection, topology, most)


async def redrive_letters(
    url: str, redriver: Redriver, ids: Collection[str] | None, tell: Callable[[LetterFate], None]
) -> LetterReport:
    """Send dead letters again as fresh requests, and take each out once the broker has confirmed its request.

    Args:
        url: the broker.
        redriver: says what may be sent again, and as what.
        ids: the requests' ids, or None for all letters that lie there now but those on which workers died.
        tell: called for each letter, as soon as it is done.

    Raises:
        BrokerTrouble: there is no such queue, no permission, or the connection was lost; what was told before is done,
            and whatever else may have been sent has its effect once.
    """

    def decide(delivery: Delivery) -> Decision:
        try:
            return Send(redriver.message(delivery, named=ids is not None))
        except NotRedrivable as error:
            return Keep(str(error))

    return await _settle_letters(url, redriver.topology, ids, decide, tell)


async def discard_letters(
    url: str, topology: Topology, ids: Collection[str] | None, tell: Callable[[LetterFate], None]
) -> LetterReport:
    """Drop dead letters for good, whoever wrote them.

    Args:
        url: the broker.
        topology: names the queue.
        ids: the requests' ids, or None for all letters that lie there now.
        tell: called for each letter, as soon as it is done.

    Raises:
        BrokerTrouble: there is no such queue, no permission, or the connection was lost; what was told before is done.
    """
    return await _settle_letters(url, topology, ids, lambda _: Drop(), tell)


async def _settle_letters(
    url: str, topology: Topology, ids: Collection[str] | None, decide: Decide, tell: Callable[[LetterFate], None]
) -> LetterReport:
    wanted = None if ids is None else frozenset(ids)
    fates: Counter[bool] = Counter()
    found: set[str | None] = set()

    def decide_wanted(delivery: Delivery) -> Decision:
        return decide(delivery) if wanted is None or request_id(delivery) in wanted else Keep()

    def count(delivery: Delivery, decision: Decision) -> None:
        fate = LetterFate(request_id(delivery), decision.why if isinstance(decision, Keep) else "")
        fates[not fate.kept] += 1
        if wanted is not None:
            found.add(fate.id)
        tell(fate)

    async with _connected(url) as connection:
        complete = await walk(connection, topology, decide_wanted, count)
    missing = tuple(each for each in dict.fromkeys(ids or ()) if each not in found)
    return LetterReport(fates[True], fates[False], missing, complete)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    try:
        connection = await Connection.open(url, name="operator")
        try:
            yield connection
        finally:
            await connection.close()
    except AmqpError as error:
        raise BrokerTrouble(str(error)) from error


async def _state(connection: Connection, queue: str) -> QueueState | None:
    channel = await connection.channel()
    try:
        state = await channel.declare_queue(queue, passive=True)
    except ChannelClosed as error:
        if error.reply_code == _NOT_FOUND:
            return None
        raise
    await channel.close()
    return state
