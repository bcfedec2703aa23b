"""What a caller sees on the wire, and what is left in the queues."""

import asyncio
import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from leveret.amqp import Address, Connection, Delivery
from leveret.devbroker import DevBroker
from leveret.topology import Topology
from leveret.worker import WorkerOptions
from support.serving import Caller, Serve, into, keyring, until


def request(request_id: str, action: str = "write", auth: str = "", version: str = "v1", **data: Any) -> dict[str, Any]:
    return {"id": request_id, "version": version, "action": action, "data": data, "auth": auth}


async def test_a_reply_has_the_published_shape(serve: Serve, caller: Caller, token: str) -> None:
    async with serve():
        await caller.send(request("a1", auth=token, text="buy milk"))
        delivery = await caller.replies.get()
    assert json.loads(delivery.body) == {
        "correlation_id": "a1",
        "status": "ok",
        "data": {"id": 1, "text": "buy milk"},
        "error": None,
    }
    assert delivery.properties.correlation_id == "a1"
    assert delivery.properties.content_type == "application/json"


@pytest.mark.parametrize("scheme", ["", "Bearer ", "bearer "])
async def test_a_token_is_taken_with_and_without_its_scheme(
    serve: Serve, caller: Caller, token: str, scheme: str
) -> None:
    async with serve():
        assert (await caller.ask(request("a1", "count", auth=scheme + token)))["data"] == 0


async def test_an_exclusive_reply_queue_named_by_the_broker_is_answered(
    serve: Serve, caller: Caller, token: str
) -> None:
    replies: asyncio.Queue[Delivery] = asyncio.Queue()
    queue = await caller.channel.declare_queue("", exclusive=True, durable=False, auto_delete=True)
    await caller.channel.consume(queue.name, into(replies), no_ack=True)
    async with serve():
        await caller.send(request("a1", auth=token, text="x"), reply_to=queue.name)
        assert json.loads((await asyncio.wait_for(replies.get(), 20)).body)["status"] == "ok"


async def test_without_reply_to_a_request_is_executed_and_its_response_kept(
    serve: Serve, caller: Caller, token: str
) -> None:
    async with serve():
        await caller.send(request("a1", auth=token, text="x"), reply_to=None)
        again = await caller.ask(request("a1", auth=token, text="x"))
        assert again["data"] == {"id": 1, "text": "x"}
        assert (await caller.ask(request("a2", "count", auth=token)))["data"] == 1


@pytest.mark.parametrize("target", ["requests", "requests.dlq", "requests.retry"])
async def test_a_foreign_reply_to_is_not_executed_and_becomes_a_dead_letter(
    serve: Serve, topology: Topology, caller: Caller, token: str, target: str
) -> None:
    async with serve():
        await caller.send(request("a1", auth=token, text="x"), reply_to=f"{topology.prefix}.{target}")
        (letter,) = await caller.letters(1)
        assert (await caller.ask(request("a2", "count", auth=token)))["data"] == 0
    assert "reply_to" in json.loads(letter.body)["reason"]
    assert caller.replies.empty()


async def test_the_same_id_three_times_is_one_effect_and_one_response_byte_for_byte(
    serve: Serve, caller: Caller, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    async with serve():
        for _ in range(3):
            await caller.send(request("a1", auth=token, text="x"))
        bodies = {(await asyncio.wait_for(caller.replies.get(), 20)).body for _ in range(3)}
        assert len(bodies) == 1
        assert (await caller.ask(request("a2", "count", auth=token)))["data"] == 1
    texts = [record.getMessage() for record in caplog.records]
    assert texts.count("ok: a1 v1.write") == 1
    assert texts.count("idem-replay: a1 v1.write") == 2


async def test_an_id_used_again_for_something_else_is_refused(serve: Serve, caller: Caller, token: str) -> None:
    async with serve():
        await caller.ask(request("a1", auth=token, text="x"))
        for other in (request("a1", auth=token, text="y"), request("a1", auth=token, version="v2", text="x")):
            assert (await caller.ask(other))["code"] == "id_reused"
        assert (await caller.ask(request("a2", "count", auth=token)))["data"] == 1


async def test_one_callers_id_never_finds_anothers_response(serve: Serve, caller: Caller, token: str) -> None:
    other = keyring().issue("8", timedelta(hours=1))
    async with serve():
        first = await caller.ask(request("a1", auth=token, text="mine"))
        second = await caller.ask(request("a1", auth=other, text="theirs"))
    assert (first["data"]["text"], second["data"]["text"]) == ("mine", "theirs")


async def test_two_workers_with_the_same_ids_make_one_effect_each(serve: Serve, caller: Caller, token: str) -> None:
    async with serve(), serve():
        for number in range(300):
            await caller.send(request(f"a{number // 3}", auth=token, text="x"))
        replies = [await caller.reply() for _ in range(300)]
        assert (await caller.ask(request("last", "count", auth=token)))["data"] == 100
    by_id: dict[str, set[str]] = {}
    for reply in replies:
        assert reply["status"] == "ok"
        by_id.setdefault(reply["correlation_id"], set()).add(json.dumps(reply))
    assert [len(answers) for answers in by_id.values()] == [1] * 100


async def test_a_business_error_is_stored_and_repeated(serve: Serve, caller: Caller, token: str) -> None:
    async with serve():
        first = await caller.ask(request("a1", auth=token, text="x", then="after:conflict"))
        again = await caller.ask(request("a1", auth=token, text="x", then="after:conflict"))
        assert (await caller.ask(request("a2", "count", auth=token)))["data"] == 0
    assert (
        first
        == again
        == {
            "correlation_id": "a1",
            "status": "error",
            "data": None,
            "error": "No second one",
            "code": "conflict",
        }
    )


async def test_bad_requests_in_a_batch_cost_the_others_nothing(serve: Serve, caller: Caller, token: str) -> None:
    kinds = ["", "before:conflict", "after:conflict", "before:bug", "after:temporary", ""]
    for number in range(120):
        await caller.send(request(f"a{number}", auth=token, text="x", then=kinds[number % 6]))
    async with serve(most=1):
        replies = {reply["correlation_id"]: reply for reply in [await caller.reply() for _ in range(120)]}
        assert (await caller.ask(request("last", "count", auth=token)))["data"] == 40
    expected = ["ok", "conflict", "conflict", "retries_exhausted", "retries_exhausted", "ok"]
    for number in range(120):
        reply = replies[f"a{number}"]
        assert reply.get("code", reply["status"]) == expected[number % 6], reply
    assert len(await caller.letters(40)) == 40


async def test_an_async_action_happens_once_as_well(serve: Serve, caller: Caller) -> None:
    async with serve():
        asked = request("a1", "sign_up", user="ann", password="p")
        first, again = await caller.ask(asked), await caller.ask(asked)
        assert first == again
        taken = await caller.ask(request("a2", "sign_up", user="ann", password="p"))
        assert (taken["code"], taken["error"]) == ("conflict", "User already exists")
        assert await caller.ask(request("a2", "sign_up", user="ann", password="p")) == taken


def stored(folder: Path) -> bytes:
    """Everything that the database has written."""
    return b"".join(path.read_bytes() for path in folder.glob("test.db*"))


async def test_a_response_with_a_secret_is_never_stored(serve: Serve, caller: Caller, tmp_path: Path) -> None:
    async with serve():
        await caller.ask(request("a1", "sign_up", user="ann", password="p"))
        for _ in range(2):
            assert (await caller.ask(request("a2", "log_in", user="ann", password="p")))["data"]["token"]
    assert b"signed up" in stored(tmp_path)
    assert b"secret of ann" not in stored(tmp_path)


async def test_several_requests_share_one_commit(serve: Serve, caller: Caller, token: str) -> None:
    for number in range(200):
        await caller.send(request(f"a{number}", auth=token, text="x"))
    commits: list[object] = []
    async with serve(on_commit=commits.append):
        for _ in range(200):
            await caller.reply()
    assert 0 < len(commits) < 100


async def test_every_message_is_acked_in_the_end(
    serve: Serve, broker: DevBroker, topology: Topology, caller: Caller, token: str
) -> None:
    async with serve() as worker:
        for number in range(50):
            await caller.send(request(f"a{number}", "health_check" if number % 3 else "write", auth=token, text="x"))
        for _ in range(50):
            await caller.reply()
        worker.stop()
    connection = await Connection.open(Address.parse(broker.url))
    try:
        channel = await connection.channel()
        assert (await channel.declare_queue(topology.requests, passive=True)).messages == 0
        assert await channel.get(topology.requests) is None
    finally:
        await connection.close()


async def test_reads_are_stored_by_choice_only(serve: Serve, caller: Caller, token: str) -> None:
    async with serve(options=WorkerOptions(replay_all=True)):
        assert (await caller.ask(request("c1", "count", auth=token)))["data"] == 0
        await caller.ask(request("a1", auth=token, text="x"))
        assert (await caller.ask(request("c1", "count", auth=token)))["data"] == 0
        assert (await caller.ask(request("c2", "count", auth=token)))["data"] == 1


async def test_a_late_request_is_not_executed(serve: Serve, caller: Caller, token: str) -> None:
    async with serve():
        late = await caller.ask(request("a1", auth=token, text="x"), headers={"x-deadline": 1_000})
        assert late["code"] == "deadline_exceeded"
        assert (await caller.ask(request("a2", "count", auth=token)))["data"] == 0


async def test_what_an_action_refuses_without_a_reply_queue_is_stored_and_leaves_no_letter(
    serve: Serve, caller: Caller, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    asked = request("a1", auth=token, text="x", then="before:conflict")
    async with serve():
        await caller.send(asked, reply_to=None)
        await until(lambda: "refused: a1 v1.write code=conflict" in caplog.messages, "the refusal in the log")
        assert (await caller.ask(asked))["code"] == "conflict"
        letters = await caller.channel.declare_queue(caller.topology.dead_letters, passive=True)
    assert caplog.messages.count("idem-replay: a1 v1.write") == 1
    assert letters.messages == 0


async def test_an_answer_to_a_message_without_a_usable_id_names_its_correlation_id(
    serve: Serve, caller: Caller
) -> None:
    async with serve():
        answer = await caller.ask(b'{"id": ""}', correlation_id="c\t1")
    assert (answer["correlation_id"], answer["code"]) == ("c?1", "invalid_request")
