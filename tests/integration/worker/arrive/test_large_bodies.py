"""Bodies that no request has: their bytes are not kept, they end as answers or letters, and others go on."""

import json

import pytest

from leveret.letters.look import LARGEST_LETTER, look_at_letters
from leveret.topology import Topology
from leveret.wire.limits import LARGEST_MOVED_REQUEST
from support.notes import note_api
from support.redriving import Again, until_depth
from support.serving import Broker, Caller, Serve


@pytest.fixture
def again(broker: Broker, topology: Topology) -> Again:
    return Again(broker.url, topology, note_api())


@pytest.mark.parametrize("size", [LARGEST_MOVED_REQUEST, LARGEST_MOVED_REQUEST + 1, 9 * 2**20])
async def test_a_body_that_is_too_large_is_answered_or_kept_as_a_letter_that_says_so(
    serve: Serve, caller: Caller, token: str, size: int
) -> None:
    async with serve():
        refused = await caller.ask(b"{" * size, correlation_id="a")
        assert (refused["code"], refused["correlation_id"]) == ("invalid_request", "a")
        assert refused["error"] == f"Request too large: {size} bytes, at most 262144 are taken"
        await caller.send(b"{" * size, reply_to=None, correlation_id="b")
        (letter,) = await caller.letters(1)
        content = json.loads(letter.body)
        assert letter.properties.correlation_id == "b"
        assert content["reason"] == f"invalid_request: {refused['error']}"
        assert content["redrivable"] is False
        if size > LARGEST_MOVED_REQUEST:
            assert content["request"] == f"[{size} bytes left out]"
        health = {"id": "c", "version": "v1", "action": "count", "data": {}, "auth": token}
        assert (await caller.ask(health))["status"] == "ok"


async def test_a_message_that_is_larger_than_any_letter_is_shown_by_its_size_refused_by_redrive_and_discarded(
    broker: Broker, topology: Topology, caller: Caller, again: Again
) -> None:
    size = LARGEST_LETTER + 1
    for name in ("a", "b"):
        await caller.send(b"x" * size, reply_to=None, correlation_id=name, expiration="1")
    await until_depth(caller, 2)
    letters = await look_at_letters(broker.url, topology, 10)
    assert [letter.content for letter in letters] == [f"[{size} bytes left out]".encode()] * 2
    await again.redrive(None)
    assert [fate.id for fate in again.told] == ["a", "b"], "each of them, although nothing is known of their bodies"
    assert all("no worker wrote this" in fate.kept for fate in again.told)
    assert (await again.discard(["a"])).done == 1
    assert (await again.discard(None)).done == 1
