"""The streams of events: each sends one user's own, in order, from where the reader was cut off."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from leveret.application.event_actions import READ
from leveret.errors import LeveretError
from leveret.process.backoff import Backoff
from leveret.web.gateway.event_response import EventResponse
from leveret.web.gateway.event_text import event_text, heartbeat, opening, reset
from leveret.web.gateway.event_watch import EventWatch, Listener
from leveret.web.gateway.problems import HttpProblem, of_error, of_refusal, of_reply
from leveret.web.gateway.reading import read_token
from leveret.web.gateway.request_ids import id_headers
from leveret.web.gateway.responses import problem_response
from leveret.web.gateway.token_claims import claimed_end, claimed_subject
from leveret.web.gateway.upstream import Upstream
from leveret.wire.ids import new_id

HEADER: Final = "Last-Event-ID"

MOST: Final = 1000
"""Streams that may be open in one gateway."""

MOST_OF_ONE: Final = 10
"""Streams that one user may have open in one gateway."""

_AGAIN: Final = 1.0
"""Seconds after which to read again, when reading has failed; each time it is longer."""

_LATER: Final = {"Retry-After": "5"}
_FINAL: Final = ("unauthenticated", "forbidden", "unknown_action", "invalid_request")
"""Refusals that end a stream: they would be the same a second later."""


class EventStreams:
    """Answers requests for a stream.

    Args:
        upstream: carries calls.
        watch: knows which streams have news.
        source: name of the application.
        timeout: seconds in which a call must be answered.
        beat: seconds between two signs of life, at which a stream also looks by itself.
        slow: seconds in which a reader has to take what is sent; then it is cut off, and may come back.
    """

    def __init__(
        self,
        upstream: Upstream,
        watch: EventWatch,
        source: str,
        timeout: float,
        *,
        beat: float = 15.0,
        slow: float = 10.0,
    ) -> None:
        self._upstream = upstream
        self._watch = watch
        self._source = source
        self._timeout = timeout
        self._beat = beat
        self._slow = slow
        self._open: Counter[str] = Counter()

    async def answer(self, request: Request) -> Response:
        """Answer a request with a stream, or with the problem that keeps it from beginning."""
        asked = new_id()
        held = ExitStack()
        try:
            token, after = read_token(request), request.headers.get(HEADER, "")
            listener = held.enter_context(self._watch.listening())
            held.enter_context(self._place(token))
            page = await self.read(token, after, asked)
        except LeveretError as error:
            held.close()
            return problem_response(request, of_error(error), asked)
        except BaseException:
            held.close()
            raise
        parts = self._parts(token, after, page, listener)
        headers = id_headers(request, asked)
        return EventResponse(parts, headers, held=held, ending=self._watch.ending, slow=self._slow)

    async def read(self, token: str, after: str, asked: str) -> Mapping[str, Any]:
        """Return a page of events behind a position; without one, the present position.

        Raises:
            LeveretError: nobody could tell, or the caller may not know.
        """
        received = await self._upstream.ask(
            READ, {"after": after}, version="v1", token=token, id=asked, timeout=self._timeout
        )
        if received.reply.status == "error":
            problem = of_reply(received.reply)
            if after and problem.code == "invalid_request":
                raise HttpProblem(
                    problem.code, f"{HEADER} is not the id of one of your events: send one as it came, or none"
                )
            raise problem
        found: Mapping[str, Any] = received.reply.data
        return found

    @contextmanager
    def _place(self, token: str) -> Iterator[None]:
        """Count a stream while the block runs.

        Raises:
            HttpProblem: there are too many, or the token has expired.
        """
        if time.time() >= claimed_end(token):  # workers bear with clocks that differ, a stream does not
            raise of_refusal("unauthenticated", "Token missing, invalid or expired", None)
        if self._watch.ending.is_set():
            raise HttpProblem("overloaded", "The gateway stops: come back later", headers=_LATER)
        if self._open.total() >= MOST:
            raise HttpProblem("overloaded", f"{MOST} streams are open here: come back later", headers=_LATER)
        subject = claimed_subject(token)
        if subject and self._open[subject] >= MOST_OF_ONE:
            raise HttpProblem(
                "rate_limited", f"You have {MOST_OF_ONE} streams open here: close one of them first", headers=_LATER
            )
        self._open[subject] += 1
        try:
            yield
        finally:
            self._open[subject] -= 1
            if not self._open[subject]:
                del self._open[subject]

    async def _parts(self, token: str, after: str, page: Mapping[str, Any], listener: Listener) -> AsyncIterator[bytes]:
        """Yield what is sent, until the token expires, the caller is refused, or the gateway ends."""
        end = claimed_end(token)
        listener.group = page["group"]
        yield opening(page["position"] if not after or not page["events"] else after)
        if not page["complete"]:
            yield reset(page["position"])
        while True:
            if page["events"]:
                yield b"".join(event_text(event, self._source) for event in page["events"])
            position, wait = page["position"], 0.0 if page["more"] else self._beat
            pauses, found = iter(Backoff(first=_AGAIN, most=max(self._beat, _AGAIN))), None
            while found is None:
                if not await self._news(listener, min(wait, end - time.time())):
                    yield heartbeat(position)
                if self._watch.ending.is_set() or time.time() >= end:
                    return
                try:
                    found = await self.read(token, position, new_id())
                except LeveretError as error:
                    if of_error(error).code in _FINAL:
                        return
                    wait = next(pauses)
            page = found

    async def _news(self, listener: Listener, wait: float) -> bool:
        """Wait for news; return whether there is some, or nothing was to be waited for."""
        if wait > 0 and not self._watch.ending.is_set():
            try:
                await asyncio.wait_for(listener.news.wait(), wait)
            except TimeoutError:
                return False
        listener.news.clear()
        return True
