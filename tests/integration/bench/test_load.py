"""The load generator sees every reply that is missing, wrong, one too many or an error, and times what it sends."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bench.case import RunFailed
from bench.load import Address, Answers, Demand, ask
from bench.programs import run_to_end
from bench.rig import Rig
from leveret.amqp import Delivery, Message
from leveret.topology import Topology
from support.responder import Answer, declared, echo, raw_reply, reply_to, request_of, responding

COUNT = 30
LAST = COUNT - 1
DEMAND = Demand(action="echo", count=COUNT, in_flight=5, prefix="p", limit=0.5)


def number_of(delivery: Delivery) -> int:
    return int(request_of(delivery)["id"].rpartition("-")[2])


def at_last(answer: Answer, otherwise: Answer = echo) -> Answer:
    """Answer rightly but for the last request, whose reply is made otherwise."""
    return lambda delivery: answer(delivery) if number_of(delivery) == LAST else otherwise(delivery)


def created(delivery: Delivery, **changed: Any) -> list[Message]:
    """Answer as a worker that has made the task."""
    return [reply_to(delivery, data={"id": 1, "title": request_of(delivery)["data"]["title"], **changed})]


def page_of(count: int) -> Answer:
    return lambda delivery: [reply_to(delivery, data=[{"id": number, "owner_id": 1} for number in range(count)])]


def refused(code: str) -> Answer:
    return lambda delivery: [reply_to(delivery, status="error", error="no", code=code)]


async def answers_of(rig: Rig, prefix: str, answer: Answer, demand: Demand = DEMAND) -> Answers:
    """What the load generator says of a worker that answers so."""
    async with declared(rig.broker.url, Topology(prefix)) as topology:
        to = Address(exchange=topology.exchange, routing_key=topology.requests, token="a token")
        async with responding(rig.broker.url, topology, answer):
            return await asyncio.to_thread(ask, rig, to, demand, limit=30.0)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        pytest.param(at_last(lambda _delivery: []), "1 missing", id="no reply"),
        pytest.param(lambda delivery: 2 * echo(delivery), "duplicates", id="two replies"),
        pytest.param(at_last(lambda d: [reply_to(d, "p-0")]), "1 missing, 1 duplicates", id="another's reply"),
        pytest.param(at_last(lambda d: [reply_to(d, "p-99")]), "1 missing, 1 wrong", id="a reply to nobody"),
        pytest.param(at_last(lambda d: [raw_reply(d, b'{"id":"p-0"}'.ljust(99))]), "1 wrong", id="another's body"),
        pytest.param(at_last(lambda d: [raw_reply(d, b'{"id":"p-29"}')]), "1 wrong", id="a body without the text"),
        pytest.param(at_last(refused("internal_error")), "1 errors", id="an error"),
    ],
)
async def test_a_reply_that_is_not_right_makes_the_run_fail(
    rig: Rig, prefix: str, answer: Answer, complaint: str
) -> None:
    with pytest.raises(RunFailed, match=complaint):
        await answers_of(rig, prefix, answer)


async def test_right_replies_are_counted_and_timed(rig: Rig, prefix: str) -> None:
    answers = await answers_of(rig, prefix, echo)
    assert answers.figures["replies"] == answers.figures["sent"] == COUNT
    assert 0 < answers.values["p50_ms"] <= answers.values["p99_ms"] <= answers.values["p999_ms"]
    assert answers.values["rate"] == pytest.approx(COUNT / answers.figures["seconds"], rel=0.01)


@pytest.mark.parametrize(
    ("action", "right", "wrong"),
    [
        pytest.param("create_task", created, lambda d: created(d, title="another"), id="create_task"),
        pytest.param("list_tasks", page_of(20), page_of(19), id="list_tasks"),
        pytest.param(
            "get_task",
            lambda d: [reply_to(d, data={"id": request_of(d)["data"]["task_id"], "owner_id": 1})],
            lambda d: [reply_to(d, data={"id": request_of(d)["data"]["task_id"] + 1, "owner_id": 1})],
            id="get_task",
        ),
    ],
)
async def test_each_action_has_a_right_reply_of_its_own(
    rig: Rig, prefix: str, action: str, right: Answer, wrong: Answer
) -> None:
    demand = replace(DEMAND, action=action, tasks=9)
    assert (await answers_of(rig, prefix, right, demand)).figures["replies"] == COUNT
    with pytest.raises(RunFailed, match="1 wrong"):
        await answers_of(rig, prefix, at_last(wrong, right), demand)


async def test_a_mixture_holds_reads_writes_replays_and_errors_in_their_shares(rig: Rig, prefix: str) -> None:
    seen: list[str] = []

    def answer(delivery: Delivery) -> list[Message]:
        request = request_of(delivery)
        seen.append(f"{request['action']} {request['id']}")
        return list(_right(delivery, request))

    answers = await answers_of(rig, prefix, answer, replace(DEMAND, action="mixed", count=2000, tasks=50))
    shares = {action: sum(each.startswith(action) for each in seen) / 2000 for action in ("get_task", "list_tasks")}
    assert shares["get_task"] == pytest.approx(0.42, abs=0.05)
    assert shares["list_tasks"] == pytest.approx(0.2, abs=0.04)
    assert answers.figures["writes"] / 2000 == pytest.approx(0.3, abs=0.04)
    assert answers.figures["refusals"] / 2000 == pytest.approx(0.05, abs=0.02)
    assert answers.figures["replays"] == len(seen) - len(set(seen))
    assert answers.figures["replays"] / 2000 == pytest.approx(0.05, abs=0.02)


def _right(delivery: Delivery, request: dict[str, Any]) -> list[Message]:
    match request["action"], request["data"]:
        case "list_tasks", _:
            return page_of(20)(delivery)
        case "get_task", {"task_id": task} if task <= 50:
            return [reply_to(delivery, data={"id": task, "owner_id": 1})]
        case "get_task", _:
            return refused("not_found")(delivery)
        case "create_task", {"title": " "}:
            return refused("invalid_request")(delivery)
    return created(delivery)


async def test_scattered_ids_are_in_no_order_and_each_is_still_known(rig: Rig, prefix: str) -> None:
    ids: list[str] = []

    def answer(delivery: Delivery) -> list[Message]:
        ids.append(request_of(delivery)["id"])
        return created(delivery)

    answers = await answers_of(rig, prefix, answer, replace(DEMAND, action="create_task", in_flight=1, scatter=True))
    assert answers.figures["writes"] == len(set(ids)) == COUNT
    assert ids != sorted(ids)
    assert [each.partition("-")[2] for each in ids] == [f"p-{number}" for number in range(COUNT)]


async def test_the_same_ids_are_asked_for_again_with_the_same_requests(rig: Rig, prefix: str) -> None:
    bodies: list[dict[str, Any]] = []

    def answer(delivery: Delivery) -> list[Message]:
        bodies.append(request_of(delivery))
        return created(delivery)

    demand = replace(DEMAND, action="create_task")
    await answers_of(rig, prefix, answer, demand)
    again = await answers_of(rig, prefix, answer, replace(demand, again=True))
    assert bodies[COUNT:] == bodies[:COUNT]
    assert again.figures["writes"] == 0


async def test_at_a_fixed_rate_the_wait_for_a_held_up_worker_is_counted_from_when_each_was_due(
    rig: Rig, prefix: str
) -> None:
    held: list[Delivery] = []

    def answer(delivery: Delivery) -> list[Message]:
        """Hold the first ten back until all of them are there."""
        if number_of(delivery) > 9:
            return echo(delivery)
        held.append(delivery)
        return [reply_to(each) for each in held] if len(held) == 10 else []

    answers = await answers_of(rig, prefix, answer, replace(DEMAND, count=10, rate=50.0, limit=20.0))
    # The first one was due nine fiftieths of a second before the last one, and half of them had to wait half of that.
    assert answers.figures["most_ms"] >= 180.0
    assert answers.values["p50_ms"] >= 80.0


async def test_several_clients_share_the_work_and_each_gets_its_own_replies(rig: Rig, prefix: str) -> None:
    places: set[str] = set()

    def answer(delivery: Delivery) -> list[Message]:
        places.add(delivery.properties.reply_to or "")
        return echo(delivery)

    answers = await answers_of(rig, prefix, answer, replace(DEMAND, clients=5))
    assert answers.figures["replies"] == COUNT
    assert len(places) == 5


@pytest.mark.parametrize(
    "arguments",
    [["1", "", "q"], ["1", "", "q", "--count", "0"], ["0", "", "q", "--count", "1"], ["1", "", "q", "--no", "1"],
     ["1", "", "q", "--count", "1", "--action", "nothing"], ["1", "", "q", "--count", "1", "--clients", "65"]],
)  # fmt: skip
def test_wrong_use_is_said_and_nothing_is_sent(rig: Rig, arguments: list[str]) -> None:
    ended = run_to_end([str(rig.program), *arguments], rig.environment, limit=10.0)
    assert ended.code == 2
    assert ended.output == ""
    assert "usage: load PORT EXCHANGE ROUTING_KEY [OPTION...]" in ended.errors
