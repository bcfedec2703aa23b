"""Calls that a worker answers, with a result or with an error."""

import asyncio
import json
import random
import time
from typing import Any

import pytest

from leveret.amqp import Connection, Delivery, Message
from leveret.client import Client
from leveret.errors import (
    BY_CODE,
    IdReused,
    InvalidRequest,
    NoAnswer,
    NotFound,
    RequestError,
)
from leveret.topology import Topology
from support.responder import LIMIT, echo, raw_reply, reply_to, request_of, responding, silent


async def test_a_call_returns_the_data_of_its_reply(url: str, topology: Topology, client: Client) -> None:
    async with responding(url, topology, echo):
        assert await client.call("create_task", {"title": "x", "due": None}) == {"title": "x", "due": None}
    assert client.in_flight == 0


async def test_a_request_goes_out_as_old_workers_expect_it(url: str, topology: Topology, client: Client) -> None:
    async with responding(url, topology, echo) as worker:
        before = time.time()
        await client.call("list_tasks", {"limit": 1}, version="v2", token="Bearer t", id="i-1", timeout=7)
    (delivery,) = worker.requests
    body = {"id": "i-1", "version": "v2", "action": "list_tasks", "data": {"limit": 1}, "auth": "Bearer t"}
    assert request_of(delivery) == body
    properties = delivery.properties
    assert (properties.correlation_id, properties.content_type) == ("i-1", "application/json")
    assert properties.delivery_mode == 2
    assert (properties.reply_to or "").startswith("amq.rabbitmq.reply-to.")
    headers: dict[str, Any] = properties.headers or {}
    deadline, timeout = headers.pop("x-deadline"), headers.pop("x-timeout")
    assert not headers
    assert before + 6.9 <= deadline / 1000 <= time.time() + 7
    assert timeout in range(1, 7001)
    assert (delivery.exchange, delivery.routing_key) == (topology.exchange, topology.requests)


async def test_each_call_has_an_id_of_its_own_unless_told(url: str, topology: Topology, client: Client) -> None:
    async with responding(url, topology, echo) as worker:
        await asyncio.gather(*(client.call("health_check") for _ in range(20)))
    assert len({request_of(delivery)["id"] for delivery in worker.requests}) == 20


@pytest.mark.parametrize("code", sorted(BY_CODE))
async def test_an_error_response_raises_the_error_of_its_code(
    url: str, topology: Topology, client: Client, code: str
) -> None:
    def refuse(delivery: Delivery) -> list[Message]:
        return [reply_to(delivery, status="error", data=None, error="No", code=code, details={"field": 3})]

    async with responding(url, topology, refuse):
        with pytest.raises(RequestError) as caught:
            await client.call("x")
    assert type(caught.value) is BY_CODE[code]
    assert (caught.value.text, caught.value.code, caught.value.details) == ("No", code, {"field": 3})


@pytest.mark.parametrize(("fields", "code"), [({"code": "out_of_paper"}, "out_of_paper"), ({}, "internal")])
async def test_an_error_of_a_later_or_older_worker_keeps_its_code_and_text(
    url: str, topology: Topology, client: Client, fields: dict[str, str], code: str
) -> None:
    def refuse(delivery: Delivery) -> list[Message]:
        return [reply_to(delivery, status="error", data=None, error="Sorry", **fields)]

    async with responding(url, topology, refuse):
        with pytest.raises(RequestError, match="Sorry") as caught:
            await client.call("x")
    assert (caught.value.code, caught.value.details) == (code, None)
    assert RequestError.code == "internal"


async def test_an_error_response_that_is_asked_for_is_shown_whole(url: str, topology: Topology, client: Client) -> None:
    body = (
        b'{"correlation_id": "i-2",  "status": "error", "data": null, "error": "Task not found", "code": "not_found"}'
    )
    async with responding(url, topology, lambda delivery: [raw_reply(delivery, body)]):
        received = await client.ask("get_task", {"task_id": 1}, id="i-2")
        with pytest.raises(NotFound, match="Task not found"):
            await client.call("get_task", {"task_id": 1}, id="i-2")
    assert received.body == body
    assert (received.reply.status, received.reply.error, received.reply.code) == (
        "error",
        "Task not found",
        "not_found",
    )


async def test_a_thousand_calls_in_flight_each_get_their_own_reply(
    url: str, topology: Topology, client: Client
) -> None:
    count = 1000
    async with responding(url, topology, silent) as worker:
        calls = asyncio.gather(*(client.call("echo", {"number": number}, timeout=LIMIT) for number in range(count)))
        requests = list(await worker.came(count))
        assert client.in_flight == count
        random.Random(7).shuffle(requests)
        worker.publish(*map(reply_to, requests))
        assert await calls == [{"number": number} for number in range(count)]
    assert (client.in_flight, client.unknown_replies) == (0, 0)


async def test_two_clients_do_not_get_each_others_replies(url: str, topology: Topology, client: Client) -> None:
    async with Client(url, topology=topology) as other, responding(url, topology, echo):
        ours = [client.call("x", {"from": "us", "n": n}, id=str(n)) for n in range(50)]
        theirs = [other.call("x", {"from": "them", "n": n}, id=str(n)) for n in range(50)]
        found = await asyncio.gather(*ours, *theirs)
    assert found == [{"from": who, "n": n} for who in ("us", "them") for n in range(50)]
    assert client.unknown_replies == other.unknown_replies == 0


async def test_a_reply_to_nobody_is_counted_and_its_call_is_not_answered(
    url: str, topology: Topology, client: Client
) -> None:
    def astray(delivery: Delivery) -> list[Message]:
        return [reply_to(delivery, correlation_id="somebody else's")]

    async with responding(url, topology, astray):
        with pytest.raises(NoAnswer):
            await client.call("x", timeout=0.5)
    assert client.unknown_replies == 1


async def test_the_second_of_two_replies_is_counted_and_disturbs_nobody(
    url: str, topology: Topology, client: Client
) -> None:
    async with responding(url, topology, lambda delivery: [reply_to(delivery), reply_to(delivery)]):
        found = [await client.call("x", {"n": n}) for n in range(10)]
    assert found == [{"n": n} for n in range(10)]
    assert client.unknown_replies in (9, 10)  # the last one may still be on its way


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b"{", b"[]", b'{"status": "ok"}', b'{"correlation_id": "i-3", "status": "fine"}'],
    ids=["empty", "not UTF-8", "half", "no object", "no id", "unknown status"],
)
async def test_a_reply_that_cannot_be_read_fails_its_call_at_once_and_names_it(
    url: str, topology: Topology, client: Client, body: bytes
) -> None:
    async with responding(url, topology, lambda delivery: [raw_reply(delivery, body)]) as worker:
        with pytest.raises(NoAnswer, match=r"v1\.pay i-3 is not a response"):
            await client.call("pay", id="i-3", timeout=LIMIT)
        worker.answer = echo
        assert await client.call("pay", {"n": 1}, id="i-3") == {"n": 1}


async def test_a_reply_that_answers_another_request_is_not_handed_out(
    url: str, topology: Topology, client: Client
) -> None:
    body = json.dumps({"correlation_id": "other", "status": "ok", "data": "someone else's"}).encode()
    async with responding(url, topology, lambda delivery: [raw_reply(delivery, body)]):
        with pytest.raises(NoAnswer, match=r"v1\.pay i-4 answers another request, 'other'"):
            await client.call("pay", id="i-4", timeout=LIMIT)


async def test_a_timeout_names_the_action_the_id_and_how_long_and_what_is_known(
    url: str, topology: Topology, client: Client
) -> None:
    async with responding(url, topology, silent):
        began = time.monotonic()
        with pytest.raises(NoAnswer) as caught:
            await client.call("pay", version="v2", id="i-5", timeout=0.3)
        took = time.monotonic() - began
    assert str(caught.value).startswith("v2.pay i-5 has no reply within 0.3 s: the broker has accepted the request")
    assert 0.3 <= took < 5
    assert client.in_flight == 0


async def test_calls_of_the_same_id_and_content_share_one_request(url: str, topology: Topology, client: Client) -> None:
    async with responding(url, topology, silent) as worker:
        first = asyncio.create_task(client.call("x", {"a": 1, "b": 2}, id="i-6"))
        await worker.came(1)
        second = asyncio.create_task(client.call("x", {"b": 2, "a": 1}, id="i-6"))
        await asyncio.sleep(0)
        worker.publish(reply_to(worker.requests[0]))
        one, two = await first, await second
        assert one == two == {"a": 1, "b": 2}
        assert one is not two
        worker.answer = echo
        await client.call("y")
    assert [request_of(delivery)["action"] for delivery in worker.requests] == ["x", "y"]


@pytest.mark.parametrize("other", [{"data": {"n": 2}}, {"action": "y"}, {"version": "v2"}, {"token": "t"}])
async def test_another_request_of_an_id_in_flight_is_refused_before_it_is_sent(
    url: str, topology: Topology, client: Client, other: dict[str, Any]
) -> None:
    async with responding(url, topology, silent) as worker:
        first = asyncio.create_task(client.call("x", {"n": 1}, id="i-7"))
        await worker.came(1)
        with pytest.raises(IdReused, match="i-7"):
            await client.ask(**{"action": "x", "data": {"n": 1}, "id": "i-7", **other})
        with pytest.raises(IdReused, match="i-7"):
            await client.send("x", {"n": 1}, id="i-7")
        worker.publish(reply_to(worker.requests[0]))
        assert await first == {"n": 1}
    assert len(worker.requests) == 1


async def test_who_joins_later_waits_longer_than_the_first(url: str, topology: Topology, client: Client) -> None:
    async with responding(url, topology, silent) as worker:
        first = asyncio.create_task(client.call("x", id="i-8", timeout=0.2))
        await worker.came(1)
        second = asyncio.create_task(client.call("x", id="i-8", timeout=LIMIT))
        with pytest.raises(NoAnswer, match=r"within 0\.2 s"):
            await first
        assert not second.done()
        worker.publish(reply_to(worker.requests[0]))
        assert await second == {}


async def test_a_request_too_late_for_its_first_caller_is_asked_again_for_a_later_one(
    url: str, topology: Topology, client: Client
) -> None:
    async with responding(url, topology, silent) as worker:
        first = asyncio.create_task(client.call("x", id="i-9", timeout=0.2))
        await worker.came(1)
        second = asyncio.create_task(client.call("x", id="i-9", timeout=LIMIT))
        with pytest.raises(NoAnswer):
            await first
        worker.answer = echo
        late = {"status": "error", "error": "Too late", "code": "deadline_exceeded"}
        worker.publish(reply_to(worker.requests[0], **late))
        assert await second == {}
    earlier, later = ((delivery.properties.headers or {})["x-deadline"] for delivery in worker.requests)
    assert isinstance(earlier, int)
    assert isinstance(later, int)
    assert later > earlier + (LIMIT - 5) * 1000


async def test_a_cancelled_call_leaves_nothing_behind_and_its_late_reply_is_counted(
    url: str, topology: Topology, client: Client
) -> None:
    async with responding(url, topology, silent) as worker:
        call = asyncio.create_task(client.call("x", id="i-10"))
        await worker.came(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert client.in_flight == 0
        worker.publish(reply_to(worker.requests[0]))
        worker.answer = echo
        assert await client.call("y", {"n": 1}) == {"n": 1}
    assert client.unknown_replies == 1


async def test_a_call_cancelled_before_it_was_written_is_never_sent(
    url: str, topology: Topology, client: Client
) -> None:
    async with responding(url, topology, echo) as worker:
        call = asyncio.create_task(client.call("never", id="i-11"))
        await asyncio.sleep(0)
        assert client.in_flight == 1
        call.cancel()
        await client.call("after")
    assert [request_of(delivery)["action"] for delivery in worker.requests] == ["after"]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"id": ""}, InvalidRequest),
        ({"id": "x" * 129}, InvalidRequest),
        ({"id": "ü"}, InvalidRequest),
        ({"data": {"text": "x" * 256 * 1024}}, InvalidRequest),
        ({"timeout": 0}, ValueError),
        ({"timeout": float("nan")}, ValueError),
        ({"timeout": float("inf")}, ValueError),
        ({"data": {"what": object()}}, TypeError),
    ],
)
async def test_what_cannot_be_a_request_is_refused_before_it_is_sent(
    client: Client, wrong: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await client.call("x", **wrong)
    assert client.in_flight == 0


async def test_a_request_whose_worker_died_is_answered_by_another(url: str, topology: Topology, client: Client) -> None:
    dying = await Connection.open(url)
    channel = await dying.channel()
    await channel.consume(topology.requests, lambda _deliveries: dying.abort())
    call = asyncio.create_task(client.call("x", {"n": 1}, timeout=LIMIT))
    await asyncio.wait_for(dying.closed, LIMIT)
    async with responding(url, topology, echo) as worker:
        assert await call == {"n": 1}
    assert worker.requests[0].redelivered
