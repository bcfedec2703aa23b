"""Every error code reaches the caller as its error, with its text and its details."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest

from leveret.amqp import Addresses
from leveret.auth.keyring import Keyring
from leveret.client import Client
from leveret.errors import (
    Conflict,
    DeadlineExceeded,
    Forbidden,
    Internal,
    InvalidRequest,
    NoAnswer,
    NotFound,
    Overloaded,
    RateLimited,
    RequestError,
    ResponseTooLarge,
    Unauthenticated,
    UnknownAction,
)
from leveret.process.clock import Clock
from leveret.testing import AsyncTestClient
from support.tested import SECRET, Gate, Opening

WRITE = "write"


@pytest.mark.parametrize(
    ("kind", "action", "data", "words"),
    [
        (InvalidRequest, WRITE, {"text": 1}, "Field text: Expected `str`, got `int`"),
        (InvalidRequest, WRITE, {}, "Object missing required field `text`"),
        (UnknownAction, "nothing", {}, "Unknown action: v1.nothing"),
        (Forbidden, WRITE, {"text": "x", "then": "forbidden"}, "Not for you"),
        (NotFound, WRITE, {"text": "x", "then": "missing"}, "Not there"),
        (Conflict, WRITE, {"text": "x", "then": "conflict"}, "No second one"),
    ],
)
async def test_a_refusal_is_the_error_of_its_code(
    kind: type[RequestError], action: str, data: dict[str, Any], words: str, user: AsyncTestClient
) -> None:
    with pytest.raises(kind) as refused:
        await user.call(action, data)
    assert type(refused.value) is kind
    assert words in refused.value.text
    assert await user.call("count") == 0


async def test_details_reach_the_caller(user: AsyncTestClient) -> None:
    with pytest.raises(Conflict) as refused:
        await user.call("write", {"text": "x", "then": "conflict"})
    assert refused.value.details == {"field": "text"}


async def test_without_a_token_or_with_a_wrong_one_nobody_is_let_in(client: AsyncTestClient) -> None:
    other = Keyring(b"another secret of 32 bytes or more", issuer="tested").issue("7", timedelta(hours=1))
    own = client.as_user("7")._token
    for token in (None, "", "x", "Bearer ", other, own[:-2], f"Ticket {own}"):
        with pytest.raises(Unauthenticated, match="Token missing, invalid or expired"):
            await client.call("count", token=token)
    assert await client.call("count", token=f"Bearer {own}") == 0


async def test_with_an_expired_token_only_what_was_executed_is_answered(client: AsyncTestClient) -> None:
    setup = client._setup
    keyring = Keyring(SECRET, issuer="tested", clock=lambda: setup.broker.clock.posix() - 3600)
    old = keyring.issue("7", timedelta(minutes=1))
    done = await client.as_user("7").ask("write", {"text": "x"}, id="one")
    assert (await client.ask("write", {"text": "x"}, id="one", token=old)).body == done.body
    for request_id, data in (("one", {"text": "y"}), ("two", {"text": "x"})):
        with pytest.raises(Unauthenticated, match="expired"):
            await client.call("write", data, id=request_id, token=old)
    assert await client.as_user("7").call("count") == 1


async def test_a_public_action_needs_no_token(client: AsyncTestClient) -> None:
    assert await client.call("huge", {"bytes": 3}) == "xxx"


async def test_over_the_rate_limit_nothing_is_executed_until_the_window_is_over(opening: Opening) -> None:
    async with opening(RATE_LIMIT="3/3s") as client:
        user, other = client.as_user("7"), client.as_user("8")
        for _ in range(3):
            await user.call("write", {"text": "x"})
        with pytest.raises(RateLimited, match="More than 3 requests in 3 s") as refused:
            await user.call("write", {"text": "x"}, id="again")
        details = dict(refused.value.details or {})
        assert (details["limit"], details["remaining"]) == (3, 0)
        assert 0 < details["retry_after"] <= 3
        assert await other.call("count") == 0
        await user.advance("3s")
        assert (await user.call("write", {"text": "x"}, id="again"))["id"] == 4


async def test_what_was_executed_is_answered_over_the_rate_limit_too(opening: Opening) -> None:
    async with opening(RATE_LIMIT="2/1h") as client:
        user = client.as_user("7")
        first = await user.ask("write", {"text": "x"}, id="one")
        await user.call("write", {"text": "x"})
        assert (await user.ask("write", {"text": "x"}, id="one")).body == first.body
        await user.send("write", {"text": "x"}, id="sent")
        await user.settled()
        [letter] = await user.letters()
        assert letter.correlation_id == "sent"


async def test_a_request_that_comes_after_its_deadline_is_not_executed(opening: Opening, gate: Gate) -> None:
    async with opening(PREFETCH=1) as client:
        user = client.as_user("7")
        await user.send("pass_gate")
        await gate.begins()
        late = asyncio.create_task(user.call("write", {"text": "late"}, id="late", timeout=1))
        with pytest.raises(NoAnswer, match="the broker has accepted the request"):
            await late
        gate.opened.set()
        await user.settled()
        assert await user.call("count") == 1  # that which was in the way
        assert (await user.call("write", {"text": "late"}, id="late"))["id"] == 2


async def test_a_deadline_that_has_passed_is_an_error_of_its_own(user: AsyncTestClient) -> None:
    setup, slow = user._setup, Clock(posix=lambda: time.time() - 3600)
    to = Addresses.of(setup.broker.address)
    async with Client(to, setup.topology, connect=setup.broker.connect, clock=slow) as late:
        with pytest.raises(DeadlineExceeded, match=r"Request arrived 3\d+ ms after its deadline; it was not executed"):
            await late.call("write", {"text": "x"}, id="late", token=user._token)
        assert await user.call("count") == 0
        first = await user.ask("write", {"text": "x"}, id="done")
        again = await late.ask("write", {"text": "x"}, id="done", token=user._token)
        assert again.body == first.body  # what was executed is answered, however late it is asked for


async def test_a_full_queue_takes_no_more_until_it_has_shrunk(opening: Opening, gate: Gate) -> None:
    async with opening(PREFETCH=1, QUEUE_LIMIT=10) as client:
        user = client.as_user("7")
        await user.send("pass_gate")
        await gate.begins()
        for _ in range(11):
            await user.send("write", {"text": "x"})
        with pytest.raises(Overloaded, match="takes no more requests at present") as refused:
            await user.send("write", {"text": "x"})
        assert (refused.value.details or {})["retry_after"] >= 1
        with pytest.raises(Overloaded):
            await user.call("count")
        gate.opened.set()
        await user.settled()
        assert await user.call("count") == 12


async def test_a_response_that_is_too_large_is_refused_and_its_request_undone(opening: Opening) -> None:
    async with opening(RESPONSE_LIMIT="1 MiB") as client:
        assert len(await client.call("huge", {"bytes": 1_000_000})) == 1_000_000
        with pytest.raises(Internal, match="The response has 1100"):
            await client.call("huge", {"bytes": 1_100_000})
    assert ResponseTooLarge.code == Internal.code


async def test_a_request_that_is_too_large_is_not_sent(user: AsyncTestClient) -> None:
    with pytest.raises(InvalidRequest, match="Request too large"):
        await user.call("write", {"text": "x" * 2_000_000})
    assert await user.call("count") == 0


async def test_a_large_request_is_carried_out(user: AsyncTestClient) -> None:
    text = "x" * 100_000
    assert (await user.call("write", {"text": text}))["text"] == text


@pytest.mark.parametrize("wrong", ["", " x", "x" * 129, "é"])
async def test_an_id_that_is_not_valid_is_not_sent(wrong: str, user: AsyncTestClient) -> None:
    with pytest.raises(InvalidRequest, match="Field id"):
        await user.call("count", id=wrong)
    await user.settled()


async def test_a_timeout_that_is_not_valid_is_not_sent(user: AsyncTestClient) -> None:
    with pytest.raises(ValueError, match="The timeout is 0"):
        await user.call("count", timeout=0)
    began = time.monotonic()
    await user.settled()
    assert time.monotonic() - began < 5
