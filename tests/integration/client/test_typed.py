"""Calls with types and clients that name their queues, through a real broker."""

import asyncio
from typing import assert_type

import pytest
from msgspec import Struct

from leveret import Api, BlockingClient, Client, Context, Topology
from leveret.errors import InvalidRequest, UnexpectedResult
from support.responder import echo, request_of, responding

api: Api[None] = Api()


class Signature(Struct):
    name: str


@api.action("v2", "sign", writes=True)
def sign(context: Context[None], given: Signature) -> Signature:
    raise NotImplementedError


@pytest.mark.parametrize("as_text", [True, False])
async def test_the_second_argument_names_the_queues(url: str, topology: Topology, as_text: bool) -> None:
    queues = topology.prefix if as_text else topology
    async with responding(url, topology, echo), Client(url, queues) as client:
        assert await client.call("sign", {"name": "Ada"}) == {"name": "Ada"}
        with BlockingClient(url, queues) as blocking:
            answer = asyncio.to_thread(lambda: blocking.call("sign", {"name": "Bob"}))
            assert await answer == {"name": "Bob"}


async def test_a_result_has_the_type_that_was_asked_for(url: str, topology: Topology, client: Client) -> None:
    async with responding(url, topology, echo):
        answer = await client.call("sign", {"name": "Ada"}, version="v2", id="i-1", timeout=9, result=Signature)
        assert assert_type(answer, Signature) == Signature("Ada")
        with pytest.raises(
            UnexpectedResult, match=r"sign i-2 was executed, but .* Field name: Expected `str`, got `int`"
        ):
            await client.call("sign", {"name": 3}, id="i-2", result=Signature)
    assert client.in_flight == 0


async def test_an_action_is_called_by_its_function(url: str, topology: Topology, client: Client) -> None:
    async with responding(url, topology, echo) as worker:
        using = client.using(token="t", id="i-3", timeout=5)
        assert assert_type(await using.call(sign, Signature("Ada")), Signature) == Signature("Ada")
        with BlockingClient(url, topology) as blocking:
            answer = await asyncio.to_thread(lambda: blocking.using(token="u").call(sign, Signature("Bob")))
            assert assert_type(answer, Signature) == Signature("Bob")
    requests = [request_of(delivery) for delivery in worker.requests]
    assert [(request["version"], request["action"], request["auth"]) for request in requests] == [
        ("v2", "sign", "t"),
        ("v2", "sign", "u"),
    ]
    assert requests[0]["id"] == "i-3"
    timeout = (worker.requests[0].properties.headers or {})["x-timeout"]
    assert isinstance(timeout, int)
    assert timeout <= 5000


async def test_an_id_that_cannot_be_is_refused_by_a_call_with_options_too(client: Client) -> None:
    with pytest.raises(InvalidRequest, match="Field id"):
        await client.using(id="").call(sign, Signature("Ada"))
