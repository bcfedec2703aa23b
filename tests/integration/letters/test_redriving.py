"""Dead letters sent again: through a real worker, by what is believed of a letter, and with the connection cut."""

import asyncio
import json
import time
from typing import Any

import pytest

from leveret.amqp import Address
from leveret.broker.connecting import BrokerTrouble
from leveret.letters.removal import LetterFate
from leveret.topology import Topology
from leveret.wire.codec import decode_request, imprint
from leveret.wire.envelope import PRINCIPAL
from support.redriving import Again, depth, depths, ids_of, letters_of, until_depth
from support.serving import Broker, Caller, Serve, keyring
from testbed.proxy import Proxy


def writing(request_id: str, auth: str, then: str = "", text: str = "x") -> dict[str, Any]:
    data = {"text": text, "then": then}
    return {"id": request_id, "version": "v1", "action": "write", "data": data, "auth": auth}


def counting(request_id: str, auth: str) -> dict[str, Any]:
    return {"id": request_id, "version": "v1", "action": "count", "data": {}, "auth": auth}


async def doomed(serve: Serve, caller: Caller, token: str, *ids: str) -> None:
    """Have requests become letters that would succeed when they are sent again."""
    async with serve(most=0, services=[KeyError("the disk was full") for _ in ids]):
        for request_id in ids:
            assert (await caller.ask(writing(request_id, token)))["code"] == "internal"
    await until_depth(caller, len(ids))


async def test_a_letter_is_sent_again_as_its_verified_caller_and_has_its_effect(
    serve: Serve, caller: Caller, token: str, again: Again
) -> None:
    await doomed(serve, caller, token, "a", "b", "c")
    report = await again.redrive(["b"])
    assert (report.done, report.kept, report.missing, report.complete) == (1, 0, (), True)
    assert await ids_of(caller) == ["a", "c"]
    async with serve():
        await until_executed(caller, token, 1)
        # The caller asks later with the same id, and gets the stored response instead of a second effect.
        assert (await caller.ask(writing("b", token)))["data"] == {"id": 1, "text": "x"}
        assert (await caller.ask(counting("n", token)))["data"] == 1
    assert again.told == [LetterFate("b", "")]


async def test_what_is_sent_again_has_our_own_headers_only_and_a_ticket(
    serve: Serve, caller: Caller, token: str, again: Again, topology: Topology
) -> None:
    async with serve(most=0, services=[KeyError("no")]):
        await caller.ask(writing("a", token), headers={"mine": 1, "CC": ["elsewhere"]}, priority=4, correlation_id="c")
    await until_depth(caller, 1)
    await again.redrive(None)
    got = await caller.channel.get(topology.requests, no_ack=True)
    assert got is not None
    properties = got.delivery.properties
    headers = set(properties.headers or {}) - {"x-delivery-count"}  # that one is the broker's
    assert headers == {"x-retry-count"}
    assert (properties.delivery_mode, properties.reply_to, properties.priority) == (2, None, 1)
    assert (properties.correlation_id, properties.content_type) == ("a", "application/json")
    request = json.loads(got.delivery.body)
    ticket = keyring().read_ticket(request.pop("auth"), imprint(decode_request(got.delivery.body)))
    assert (ticket.principal.subject, ticket.retries) == ("7", 0)
    assert request == {key: value for key, value in writing("a", "").items() if key != "auth"}


async def test_a_public_action_is_sent_again_without_a_ticket(
    serve: Serve, caller: Caller, again: Again, topology: Topology
) -> None:
    asked = {"id": "p", "version": "v1", "action": "health_check", "data": {}, "auth": ""}
    async with serve():
        await caller.send(asked, reply_to="somebody.elses")
        await until_depth(caller, 1)
    assert (await again.redrive(None)).done == 1
    got = await caller.channel.get(topology.requests, no_ack=True)
    assert got is not None
    assert json.loads(got.delivery.body)["auth"] == ""


async def test_a_request_that_fails_again_is_a_letter_again_and_can_be_sent_again(
    serve: Serve, caller: Caller, token: str, again: Again
) -> None:
    async with serve(most=1):
        await caller.ask(writing("a", token, "after:temporary"))
        await until_depth(caller, 1)
        for _ in range(3):
            assert (await again.redrive(["a"])).done == 1
            await until_depth(caller, 1)
    (letter,) = await letters_of(caller)
    assert letter.properties.headers is not None
    assert letter.properties.headers[PRINCIPAL] == "7"


async def test_all_letters_are_sent_again_while_a_worker_makes_new_ones_of_them(
    serve: Serve, caller: Caller, token: str, again: Again
) -> None:
    async with serve(most=0):
        for number in range(40):
            await caller.ask(writing(f"a{number}", token, "before:temporary"))
        await until_depth(caller, 40)
        assert (await again.redrive(None)).done == 40  # and ends, although each comes back
        await until_depth(caller, 40)


@pytest.mark.parametrize("lost", ["the confirm of the request", "the ack of the letter"])
async def test_a_crash_between_request_and_ack_leaves_both_and_one_effect(
    lost: str, broker: Broker, serve: Serve, caller: Caller, token: str, again: Again, topology: Topology
) -> None:
    await doomed(serve, caller, token, "a")
    address = Address.parse(broker.url)
    async with Proxy(address.host, address.port) as proxy:

        def hold_answers() -> float:
            """The time, asked for when the letter is looked at: from now on no answer of the broker comes through."""
            proxy.pause(to_server=False)
            return time.time()

        dying = asyncio.create_task(again.redrive(["a"], url=proxy.proxied(broker.url), clock=hold_answers))
        async with asyncio.timeout(20):
            while await depth(caller, topology.requests) != 1:  # noqa: ASYNC110 -- the queue is at the broker
                await asyncio.sleep(0.005)
        await proxy.held()
        if lost == "the ack of the letter":
            proxy.pause(to_client=False)
            sent = proxy.to_server
            proxy.resume(to_server=False)
            while proxy.conditions.held:  # noqa: ASYNC110 -- looked at in each turn of the loop: the ack follows at once
                await asyncio.sleep(0)
            await proxy.held()
            assert proxy.to_server == sent
        assert not dying.done()
        await proxy.cut()
        with pytest.raises(BrokerTrouble):
            await dying
    await until_depth(caller, 1)  # the letter is back, and its request was sent
    assert again.told == []
    assert (await again.redrive(["a"])).done == 1
    assert await depths(caller) == [2, 0]
    async with serve():
        await until_executed(caller, token, 1)
        assert (await caller.ask(writing("a", token)))["data"] == {"id": 1, "text": "x"}
        assert (await caller.ask(counting("n", token)))["data"] == 1
    assert await depths(caller) == [0, 0]


async def until_executed(caller: Caller, token: str, count: int) -> None:
    """Wait until the caller has so many notes; each look is a request behind those that wait."""
    async with asyncio.timeout(20):
        number = 0
        while (await caller.ask(counting(f"look-{number}", token)))["data"] != count:
            number += 1
