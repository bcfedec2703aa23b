"""What one action has of its own holds in tests too."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from leveret.errors import Internal, RateLimited, RetriesExhausted
from leveret.testing import AsyncTestClient


async def test_a_request_waits_for_the_pause_of_its_action(user: AsyncTestClient) -> None:
    waiting = asyncio.create_task(user.call("charge", {"text": "x", "then": "temporary"}))
    await user.settled()
    [retry] = await user.retries()
    assert (retry.number, retry.delay) == (1, timedelta(milliseconds=300))
    await user.advance("200ms")
    assert len(await user.retries()) == 1
    await user.advance("200ms")
    with pytest.raises(RetriesExhausted, match="after 2 attempts"):
        await waiting


async def test_an_error_that_is_not_retried_leaves_a_letter_at_once(user: AsyncTestClient) -> None:
    with pytest.raises(Internal, match="after 1 attempt"):
        await user.call("charge", {"text": "x", "then": "stolen"})
    assert await user.retries() == []
    [letter] = await user.letters()
    assert letter.correlation_id


async def test_over_its_own_limit_an_action_refuses_and_others_go_on(user: AsyncTestClient) -> None:
    for _ in range(2):
        await user.call("charge", {"text": "x"})
    with pytest.raises(RateLimited, match=r"^More than 2 requests of v1\.charge in 3600 s"):
        await user.call("charge", {"text": "x"})
    assert await user.call("count") == 2
    assert (await user.as_user("8").call("charge", {"text": "y"}))["id"] == 3
