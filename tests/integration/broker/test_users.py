"""The users that `taskmanager topology users` makes may do all that they need."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from leveret.amqp import Connection
from leveret.broker.connecting import BrokerTrouble
from leveret.broker.granting import apply_users
from leveret.broker.users import BrokerUser, Permissions
from leveret.client import Client
from leveret.letters.choice import EVERY_LETTER
from leveret.letters.redrive import Redriver
from leveret.letters.removal import redrive_letters
from leveret.letters.sender import LetterSender
from leveret.topology import Topology
from support.archives import Mover, archive_in
from support.broker_users import Operator, calling_as
from support.notes import note_api
from support.redriving import Again
from support.serving import Caller, Serve, into, keyring


def writing(request_id: str, then: str = "") -> dict[str, object]:
    token = keyring().issue("7", timedelta(hours=1))
    data = {"text": "x", "then": then}
    return {"id": request_id, "version": "v1", "action": "write", "data": data, "auth": token}


async def letter_of(operator: Operator, topology: Topology) -> dict[str, object]:
    """Wait for a letter, as the administrator."""
    connection = await Connection.open(operator.url)
    caller = Caller(connection, await connection.channel(), topology)
    (letter,) = await caller.letters(1)
    await connection.close()
    return dict(json.loads(letter.body))


async def test_a_worker_declares_and_passes_request_reply_retry_and_letter_for_a_caller(
    operator: Operator, users: tuple[str, str], serve_as: Serve, topology: Topology
) -> None:
    async with serve_as(url=users[1], most=1), calling_as(users[0], topology) as caller:
        assert (await caller.ask(writing("good")))["data"] == {"id": 1, "text": "x"}
        assert (await caller.ask(writing("good")))["data"] == {"id": 1, "text": "x"}
        assert (await caller.ask(writing("bad", "after:temporary")))["code"] == "retries_exhausted"
    assert (await letter_of(operator, topology))["reason"] == "retries exhausted: not now"


async def test_our_client_works_as_a_caller(users: tuple[str, str], serve_as: Serve, topology: Topology) -> None:
    async with serve_as(url=users[1]), Client(users[0], topology=topology) as client:
        assert await client.call("health_check") == {"status": "ok"}
        await client.send("health_check")


async def test_a_caller_with_a_reply_queue_named_by_the_broker_is_answered(
    operator: Operator, serve_as: Serve, topology: Topology
) -> None:
    with operator.users(topology, reply_queues=True) as (caller_url, worker_url):
        async with serve_as(url=worker_url), calling_as(caller_url, topology) as caller:
            channel = await caller.connection.channel()
            own = (await channel.declare_queue("", exclusive=True)).name
            await channel.consume(own, into(caller.replies), no_ack=True)
            assert (await caller.ask(writing("a"), reply_to=own))["status"] == "ok"


async def test_a_reply_that_its_queue_hands_on_to_the_requests_ends_as_a_letter(
    operator: Operator, serve_as: Serve, topology: Topology
) -> None:
    """The one place that a caller may dead-letter to is where it may publish: no loop, and nothing is executed."""
    with operator.users(topology, reply_queues=True) as (caller_url, worker_url):
        async with serve_as(url=worker_url), calling_as(caller_url, topology) as caller:
            channel = await caller.connection.channel()
            own = await channel.declare_queue(
                "",
                exclusive=True,
                arguments={
                    "x-dead-letter-exchange": topology.exchange,
                    "x-dead-letter-routing-key": topology.requests,
                    "x-message-ttl": 0,
                },
            )
            await caller.send(writing("a"), reply_to=own.name)
            letter = await letter_of(operator, topology)
            assert str(letter["reason"]).startswith("invalid_request: ")
            assert (await caller.ask(writing("b")))["data"] == {"id": 2, "text": "x"}
    connection = await Connection.open(operator.url)
    channel = await connection.channel()
    for queue in topology.queues:
        assert (await channel.declare_queue(queue.name, passive=True)).messages == 0
    await connection.close()


async def test_an_operator_with_the_documented_permissions_sends_letters_again(
    operator: Operator, users: tuple[str, str], serve_as: Serve, topology: Topology
) -> None:
    async with serve_as(url=users[1], most=0), calling_as(users[0], topology) as caller:
        await caller.ask(writing("bad", "after:temporary"))
    name = f"{topology.prefix}-operator"
    may = Permissions("^$", rf"^{topology.prefix}\.direct$", rf"^{topology.prefix}\.requests\.dlq$")
    wanted = [BrokerUser(name, may, "secret")]
    try:
        list(apply_users(operator.address, operator.administrator, "/", wanted))
        redriver = Redriver(topology, keyring(), note_api(), retention=timedelta(days=1))
        report = await redrive_letters(
            operator.as_user(name, "secret"), LetterSender(redriver), EVERY_LETTER, lambda _: None
        )
        assert report.done == 1
    finally:
        operator.management.remove_user(name)


async def test_an_operator_who_may_not_publish_to_the_queue_loses_no_letter_and_restores_it_when_he_may(
    operator: Operator, users: tuple[str, str], serve_as: Serve, topology: Topology, tmp_path: Path
) -> None:
    async with serve_as(url=users[1], most=0), calling_as(users[0], topology) as caller:
        await caller.ask(writing("bad", "after:temporary"))
    name = f"{topology.prefix}-operator"
    reads, direct = rf"^{topology.prefix}\.requests\.dlq$", rf"{topology.prefix}\.direct"
    may = [BrokerUser(name, Permissions("^$", f"^{direct}$", reads), "secret")]
    may_more = [BrokerUser(name, Permissions("^$", rf"^(amq\.default|{direct})$", reads), "secret")]
    try:
        list(apply_users(operator.address, operator.administrator, "/", may))
        with archive_in(f"sqlite:///{tmp_path / 'archive.db'}") as archive:
            mover = Mover(Again(operator.as_user(name, "secret"), topology, note_api()), archive)
            assert (await mover.discard()).done == 1
            with pytest.raises(BrokerTrouble, match="ACCESS_REFUSED"):
                await mover.restore()
            list(apply_users(operator.address, operator.administrator, "/", may_more))
            assert (await mover.restore()).done == 1
    finally:
        operator.management.remove_user(name)
