"""Prefer: respond-async: accepted at once, answered later, for the same caller only; over both forms."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from support.gateways import LIMIT, HttpCaller

TASKS = "/api/v2/tasks/"


async def answered(caller: HttpCaller, accepted: httpx2.Response) -> httpx2.Response:
    """Ask until the answer is there."""
    async with asyncio.timeout(LIMIT):
        while True:
            found = await caller.ask("GET", accepted.headers["Location"])
            if found.status_code != 202:
                return found
            assert found.headers["Retry-After"] == "1"


async def test_the_answer_is_that_of_a_request_that_waits(user: HttpCaller) -> None:
    accepted = await user.post(TASKS, {"title": "Later"}, Prefer="respond-async", Idempotency_Key="later 1")
    assert (accepted.status_code, accepted.headers["Preference-Applied"]) == (202, "respond-async")
    assert accepted.json() == {
        "request_id": "later 1",
        "state": "open",
        "answer": accepted.headers["Location"],
    }
    assert accepted.headers["Location"].startswith("/requests/later%201?")
    found = await answered(user, accepted)
    again = await user.post(TASKS, {"title": "Later"}, Idempotency_Key="later 1")
    assert (found.status_code, found.content) == (again.status_code, again.content) == (201, again.content)
    assert found.headers["Request-Id"] == "later 1"


async def test_a_refusal_is_found_later_too(user: HttpCaller) -> None:
    accepted = await user.ask("PUT", f"{TASKS}77", {"title": "None"}, Prefer="respond-async")
    found = await answered(user, accepted)
    assert (found.status_code, found.json()["code"]) == (404, "not_found")
    assert found.json()["request_id"] == accepted.headers["Request-Id"]


async def test_with_wait_the_answer_comes_if_it_is_there_in_time(user: HttpCaller) -> None:
    made = await user.post(TASKS, {"title": "Now"}, Prefer="respond-async, wait=9")
    assert (made.status_code, made.json()["title"]) == (201, "Now")
    assert (made.headers["Preference-Applied"], made.headers["Vary"]) == ("wait=9", "Prefer")


async def test_nobody_else_finds_it(user: HttpCaller, caller: HttpCaller) -> None:
    accepted = await user.post(TASKS, {"title": "Mine"}, Prefer="respond-async")
    location = accepted.headers["Location"]
    await answered(user, accepted)
    other = await caller.as_known_user().ask("GET", location)
    assert (other.status_code, other.json()["code"]) == (404, "not_found")
    assert (await caller.ask("GET", location)).status_code == 401
    without_mark = await user.ask("GET", "/requests/never-sent")
    assert without_mark.status_code == 404


@pytest.mark.parametrize("prefer", ["respond-async", "wait=5"])
async def test_a_read_waits_all_the_same(user: HttpCaller, prefer: str) -> None:
    found = await user.ask("GET", TASKS, Prefer=prefer)
    assert (found.status_code, found.json()) == (200, [])
    assert found.headers.get("Preference-Applied") == (prefer if prefer.startswith("wait") else None)
