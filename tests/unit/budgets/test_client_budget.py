"""How many function calls a client's call may cost, with the driver; see `test_driver_budget`."""

import asyncio

import pytest
from pamqp import commands

from leveret.client import Client
from support.call_counter import counting
from support.memory_broker import Sent, delivery, memory_broker
from support.responses import ok


def echo(messages: list[Sent]) -> bytes:
    replies = b""
    for properties, content in messages:
        assert properties.correlation_id
        assert b'"echo"' in content
        said = commands.Basic.Properties("application/json", correlation_id=properties.correlation_id)
        replies += delivery(1, said, ok(properties.correlation_id, {"x": 1}))
    return replies


@pytest.mark.parametrize(("at_once", "most"), [(1, 198), (64, 116), (256, 115)])
async def test_a_call_is_answered_with_few_calls_of_functions(
    at_once: int, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with memory_broker(monkeypatch, echo), Client("amqp://localhost") as client:
        for _ in range(2):  # the first time makes what is cached
            with counting() as calls:
                replies = await asyncio.gather(*(client.call("echo", {"x": 1}) for _ in range(at_once)))
            assert replies == [{"x": 1}] * at_once
    assert calls.each(at_once) <= most


async def test_what_a_call_costs_does_not_grow_with_the_calls_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    async with memory_broker(monkeypatch, echo), Client("amqp://localhost") as client:
        for _ in range(60):
            with counting() as calls:
                await asyncio.gather(*(client.call("echo", {"x": 1}) for _ in range(32)))
            counts.append(calls.count)
    assert max(counts[40:]) <= 1.1 * max(counts[:20])
