"""The scenes of retry and dead letters: a failure that may pass, and the letter of a request that was given up."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import msgspec

from leveret.broker.queues import QueueReport, report_queues
from leveret.durations import format_duration
from leveret.letters.letter import Letter
from leveret.letters.look import look_at_letters
from leveret.wire.envelope import RETRY_COUNT
from leveret.wire.letter import LetterBody
from taskmanager.demo.promises import promise
from taskmanager.demo.story import Story

_REASON: Final = "simulated temporary error"
_LIMIT: Final = 10.0


def retry(story: Story) -> str:
    """Have a request fail until it is given up; returns its id."""
    delay = format_duration(story.stage.topology.delays[0])
    step = story.begin(
        "retry and dead letter",
        f"A failure that may pass is tried again 3 times, {delay} apart; then the request becomes a dead letter.",
    )
    data = {"title": "Never created", "simulate_temp_error": True}
    exchange = story.ask(step, "create_task", data, expect=f"dead-lettered: {step} ")
    story.show(exchange)
    wanted = [f"retry #{number} for {step} because {_REASON}" for number in (1, 2, 3)]
    wanted.append(f"dead-lettered: {step} err=retries exhausted: {_REASON}")
    promise(exchange.messages == wanted, f"the log says {wanted}; it says {exchange.messages}")
    reply = exchange.received.reply
    promise(reply.code == "retries_exhausted", f"the caller is told retries_exhausted, not {reply.code}")
    promise(all(task["title"] != "Never created" for task in story.tasks()), "no task came of it")
    story.screen.verdict("4 attempts, no task, and a caller who knows why.")
    return step


def dead_letter(story: Story, request_id: str) -> None:
    """Show the letter as it lies in its queue, and that looking changes nothing."""
    queue = story.stage.topology.dead_letters
    story.begin(
        f"the letter in {queue}",
        "The letter holds the request without its token, the reason and the broker's own record. It is looked at, not "
        "taken.",
    )
    before = _depth(story, wanted=1)
    letters = asyncio.run(look_at_letters(story.stage.url, story.stage.topology, 10))
    after = _depth(story, wanted=1)
    promise(before == after == 1, f"one letter lies there before and after the look; {before} and {after} do")
    promise(len(letters) == 1, f"there is one letter to look at; there are {len(letters)}")
    letter = letters[0]
    story.screen.columns([("letter (the message's body)", _shown(letter)), ("its headers", _headers(letter))], [])
    content = letter.content
    promise(isinstance(content, LetterBody), "the letter was written by a worker")
    if isinstance(content, LetterBody):
        promise(content.reason == f"retries exhausted: {_REASON}", f"the reason says so; it says {content.reason!r}")
        promise(content.request["id"] == request_id, f"the letter holds request {request_id}")
        promise("auth" not in content.request, "the letter holds no token")
    promise(letter.headers.get(RETRY_COUNT) == 3, f"{RETRY_COUNT} is 3; the headers are {letter.headers}")
    promise(bool(letter.deaths), "the broker's record tells of the way through the retry queue")
    story.screen.verdict(f"{before} letter in the queue before the look, {after} after it.")


def queue_table(story: Story) -> list[QueueReport]:
    """Ask the broker for the depth and the consumers of every queue."""
    return asyncio.run(report_queues(story.stage.url, story.stage.topology))


def _depth(story: Story, *, wanted: int) -> int:
    """Messages in the dead-letter queue; a confirmed letter may take a moment to be counted."""
    end = time.monotonic() + _LIMIT
    while True:
        depth = queue_table(story)[-1].messages or 0
        if depth == wanted or time.monotonic() > end:
            return depth
        time.sleep(0.05)


def _shown(letter: Letter) -> object:
    return msgspec.to_builtins(letter.content)


def _headers(letter: Letter) -> object:
    deaths = [f"{death.count} x {death.reason} in {death.queue}" for death in letter.deaths]
    return {RETRY_COUNT: letter.headers.get(RETRY_COUNT), "x-death": deaths}
