"""The steps about retries and dead letters: a request fails until it is given up, and its letter is looked at."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import msgspec

from leveret.broker.queues import QueueReport, report_queues
from leveret.letters.letter import Letter
from leveret.letters.look import look_at_letters
from leveret.process.durations import format_duration
from leveret.wire.envelope import RETRY_COUNT
from leveret.wire.letter import LetterBody
from taskmanager.demo.checks import check
from taskmanager.demo.demonstration import Demonstration

_REASON: Final = "simulated temporary error"
_LIMIT: Final = 10.0
"""Seconds until a confirmed letter has to be counted in its queue."""


def retry(demo: Demonstration) -> str:
    """Send a request that fails until it is given up, and return its id."""
    delay = format_duration(demo.system.topology.delays[0])
    step = demo.begin(
        "retry and dead letter",
        f"A request whose error may be temporary is retried 3 times, {delay} apart; then it becomes a dead letter.",
    )
    data = {"title": "Never created", "simulate_temp_error": True}
    exchange = demo.ask(step, "create_task", data, expect=f"dead-lettered: {step} ")
    demo.show(exchange)
    wanted = [f"retry #{number} for {step} because {_REASON}" for number in (1, 2, 3)]
    wanted.append(f"dead-lettered: {step} err=retries exhausted: {_REASON}")
    check(exchange.messages == wanted, f"the log says {wanted}; it says {exchange.messages}")
    reply = exchange.received.reply
    check(reply.code == "retries_exhausted", f"the caller is told retries_exhausted, not {reply.code}")
    check(all(task["title"] != "Never created" for task in demo.tasks()), "no task was created")
    demo.screen.checked("4 attempts, no task, and the caller knows why.")
    return step


def dead_letter(demo: Demonstration, request_id: str) -> None:
    """Show the letter as it lies in its queue, and check that looking changes nothing."""
    queue = demo.system.topology.dead_letters
    demo.begin(
        f"the letter in {queue}",
        "The letter holds the request without its token, the reason, and the broker's own record of the retries. "
        "Looking at it does not remove it from the queue.",
    )
    before = _depth(demo, wanted=1)
    letters = asyncio.run(look_at_letters(demo.system.url, demo.system.topology, 10))
    after = _depth(demo, wanted=1)
    check(before == after == 1, f"one letter is there before and after the look; there were {before} and {after}")
    check(len(letters) == 1, f"there is one letter to look at; there are {len(letters)}")
    letter = letters[0]
    demo.screen.columns([("letter (the message's body)", _shown(letter)), ("its headers", _headers(letter))], [])
    content = letter.content
    check(isinstance(content, LetterBody), "the letter was written by a worker")
    if isinstance(content, LetterBody):
        check(
            content.reason == f"retries exhausted: {_REASON}",
            f"the reason is exhausted retries, not {content.reason!r}",
        )
        check(content.request["id"] == request_id, f"the letter holds request {request_id}")
        check("auth" not in content.request, "the letter holds no token")
    check(letter.headers.get(RETRY_COUNT) == 3, f"{RETRY_COUNT} is 3; the headers are {letter.headers}")
    check(bool(letter.deaths), "the broker's record names the retry queue")
    demo.screen.checked(f"{before} letter in the queue before the look, {after} after it.")


def queue_table(demo: Demonstration) -> list[QueueReport]:
    """Return the depth and the number of consumers of every queue, as the broker reports them."""
    return asyncio.run(report_queues(demo.system.url, demo.system.topology))


def _depth(demo: Demonstration, *, wanted: int) -> int:
    """Return how many messages the dead-letter queue holds; wait for ``wanted``, because counting may lag behind."""
    end = time.monotonic() + _LIMIT
    while True:
        depth = queue_table(demo)[-1].messages or 0
        if depth == wanted or time.monotonic() > end:
            return depth
        time.sleep(0.05)


def _shown(letter: Letter) -> object:
    return msgspec.to_builtins(letter.content)


def _headers(letter: Letter) -> object:
    deaths = [f"{death.count} x {death.reason} in {death.queue}" for death in letter.deaths]
    return {RETRY_COUNT: letter.headers.get(RETRY_COUNT), "x-death": deaths}
