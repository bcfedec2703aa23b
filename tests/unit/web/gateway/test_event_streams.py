"""A stream on its own: signs of life, workers that are away, readers that are slow, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from leveret.client import ReceivedReply
from leveret.errors import NotSent, RequestError, Unauthenticated
from leveret.web.gateway.event_streams import EventStreams
from leveret.web.gateway.event_watch import EventWatch
from leveret.wire.envelope import Reply

LIMIT = 10.0


class Workers:
    """Answers as workers do, from a list of events; the position is how many were read."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.asked: list[tuple[str, Any]] = []
        self.fails: list[Exception] = []
        self.trouble = None
        self.groups: list[int] | None = []

    async def ask(self, action: str, data: Mapping[str, Any], **_: Any) -> ReceivedReply:
        self.asked.append((action, data["after"]))
        if action == "watch_events":
            return ReceivedReply(Reply("i", "ok", {"position": "w", "groups": self.groups}), b"")
        if self.fails:
            error = self.fails.pop(0)
            if isinstance(error, RequestError):
                return ReceivedReply(Reply("i", "error", None, error.text, error.code), b"")
            raise error
        known = int(data["after"] or len(self.events))
        events = [
            {
                "position": f"{number + 1}",
                "id": f"{number}",
                "type": "a.b",
                "time": "t",
                "request_id": "r",
                "data": text,
            }
            for number, text in enumerate(self.events)
        ]
        page = {"events": events[known:], "position": f"{len(events)}", "more": False, "complete": True, "group": 7}
        return ReceivedReply(Reply("i", "ok", page), b"")

    async def send(self, *_: Any, **__: Any) -> str:
        raise NotImplementedError


class Reader:
    """Takes what a stream sends."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.text = ""
        self.whole = False
        self.stuck = False
        self.gone = asyncio.Event()
        self._more = asyncio.Event()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        elif self.stuck:
            await asyncio.Event().wait()
        else:
            self.text += message["body"].decode()
            self.whole = not message["more_body"]
        self._more.set()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def until(self, enough: Callable[[str], bool]) -> None:
        async with asyncio.timeout(LIMIT):
            while not enough(self.text):
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def streaming(
    workers: Workers, *, beat: float = 60.0, slow: float = 5.0, last_id: str = "", stuck: bool = False
) -> AsyncIterator[tuple[Reader, EventWatch, asyncio.Task[None]]]:
    watch = EventWatch(workers, 1.0, pause=0.01)
    streams = EventStreams(workers, watch, "/shop", 1.0, beat=beat, slow=slow)
    headers = [(b"last-event-id", last_id.encode())] if last_id else []
    scope = {"type": "http", "method": "GET", "path": "/events", "headers": headers, "query_string": b""}
    reader = Reader()
    reader.stuck = stuck
    async with watch.running(asyncio.Event()):
        response = await streams.answer(Request(scope))
        task = asyncio.ensure_future(response(scope, reader.receive, reader.send))
        try:
            yield reader, watch, task
        finally:
            reader.gone.set()
            await asyncio.wait_for(asyncio.wait({task}), LIMIT)


async def test_a_quiet_stream_gives_signs_of_life_that_are_not_events() -> None:
    workers = Workers()
    async with streaming(workers, beat=0.01) as (reader, _, _task):
        await reader.until(lambda text: text.count("\n:\n") >= 2)
    blocks = reader.text.split("\n\n")
    assert blocks[0] == "retry: 2000\nid: 0"
    assert blocks[1] == ":\nid: 0"
    assert "data" not in reader.text
    assert "content-length" not in reader.headers


async def test_news_is_read_for_the_streams_of_its_group_only() -> None:
    workers = Workers()
    async with streaming(workers) as (reader, _, _task):
        await reader.until(bool)
        await _asked(workers, "watch_events", 3)
        reads = [asked for asked in workers.asked if asked[0] == "read_events"]
        workers.groups = [8]
        workers.events.append("first")
        await _asked(workers, "watch_events", 3)
        assert [asked for asked in workers.asked if asked[0] == "read_events"] == reads
        workers.groups = [7, 8]
        await reader.until(lambda text: "first" in text)
    assert reader.text.endswith('"data":"first"}\n\n')


async def test_news_that_nobody_told_of_is_found_at_the_next_sign_of_life() -> None:
    workers = Workers()
    async with streaming(workers, beat=0.05) as (reader, _, _task):
        await reader.until(bool)
        workers.events.append("untold")
        await reader.until(lambda text: "untold" in text)


async def test_a_stream_outlasts_workers_that_are_away() -> None:
    workers = Workers()
    async with streaming(workers, beat=0.01) as (reader, _, _task):
        await reader.until(bool)
        workers.fails = [NotSent("away")]
        workers.events.append("afterwards")
        await reader.until(lambda text: "afterwards" in text)
    assert workers.fails == []


async def test_a_stream_ends_when_its_caller_is_refused() -> None:
    workers = Workers()
    async with streaming(workers, beat=0.01) as (reader, _, task):
        await reader.until(bool)
        workers.fails = [Unauthenticated("no")]
        await asyncio.wait_for(task, LIMIT)
        assert reader.whole


async def test_a_stream_ends_at_once_and_in_order_when_the_gateway_ends() -> None:
    async with streaming(Workers()) as (reader, watch, task):
        await reader.until(bool)
        watch.end()
        await asyncio.wait_for(task, LIMIT)
        assert reader.whole
        refused = await EventStreams(Workers(), watch, "/shop", 1.0).answer(
            Request(
                {
                    "type": "http",
                    "method": "GET",
                    "path": "/events",
                    "headers": [],
                    "query_string": b"",
                    "server": ("h", 80),
                    "scheme": "http",
                }
            )
        )
    assert refused.status_code == 503


async def test_a_reader_that_takes_nothing_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "leveret.gateway")
    async with streaming(Workers(), slow=0.01, stuck=True) as (reader, _, task):
        await asyncio.wait_for(task, LIMIT)
        assert not reader.whole
    assert "was cut off" in caplog.text


async def test_a_reader_that_is_gone_gives_its_place_back() -> None:
    async with streaming(Workers()) as (reader, watch, task):
        await reader.until(bool)
        assert watch.listeners == 1
        reader.gone.set()
        await asyncio.wait_for(task, LIMIT)
        assert watch.listeners == 0


async def _asked(workers: Workers, action: str, more: int) -> None:
    """Wait until workers were asked that many times more."""
    wanted = sum(asked[0] == action for asked in workers.asked) + more
    async with asyncio.timeout(LIMIT):
        while sum(asked[0] == action for asked in workers.asked) < wanted:  # noqa: ASYNC110 -- a list wakes nobody
            await asyncio.sleep(0.005)
