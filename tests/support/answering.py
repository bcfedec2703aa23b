"""Callers that answer by themselves, without a broker: for tests of what stands in front of the transport."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from leveret.client import BlockingCaller, Caller, ReceivedReply
from leveret.wire.codec import decode_reply, decode_request, encode_json
from leveret.wire.envelope import Reply, Request

T = TypeVar("T")


class AnsweringCaller(Caller):
    """Answers each request with what a function makes of it; the data goes through JSON in both directions.

    Attributes:
        requests: what was asked, and each request's timeout.
    """

    def __init__(self, answer: Callable[[Request], Any]) -> None:
        self._answer = answer
        self.requests: list[tuple[Request, float]] = []

    async def ask(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - as in `Caller.ask`
        timeout: float = 10.0,
    ) -> ReceivedReply:
        request = decode_request(encode_json(Request(id or "i-1", version, action, dict(data or {}), token or "")))
        self.requests.append((request, timeout))
        body = encode_json(Reply(request.id, "ok", self._answer(request)))
        return ReceivedReply(decode_reply(body), body)


def blocking(caller: Caller) -> BlockingCaller:
    """Return what calls through a caller and waits, each time in an event loop of its own."""

    def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run(work())

    return BlockingCaller(caller, run)
