"""What stands behind a gateway of which only routes are tested: every call gets the same answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from starlette.types import ASGIApp

from leveret.application import Application
from leveret.client import ReceivedReply
from leveret.web.gateway.building import build_gateway
from leveret.web.gateway.upstream import LateUpstream, Upstream
from leveret.wire.codec import encode_json
from leveret.wire.envelope import Reply


class OneAnswer:
    """Answers every call with the same data.

    Args:
        data: the data.
    """

    trouble = None

    def __init__(self, data: Any) -> None:
        self._data = data

    async def ask(self, *_: Any, **options: Any) -> ReceivedReply:
        reply = Reply(options["id"], "ok", self._data)
        return ReceivedReply(reply, encode_json(reply))

    async def send(self, *_: Any, **options: Any) -> str:
        return str(options["id"])


async def answered(app: Application[Any], message: Mapping[str, Any], data: Any) -> httpx2.Response:
    """Return what the gateway of an application answers to a message, if its actions return this data."""
    upstream = LateUpstream()
    upstream.use(OneAnswer(data))

    @asynccontextmanager
    async def opened() -> AsyncIterator[Upstream]:
        yield upstream

    gateway: ASGIApp = build_gateway(app, upstream, opened, timeout=5.0)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(gateway), base_url="http://gateway") as http:
        body = {} if message["body"] is None else {"json": message["body"]}
        return await http.request(message["method"], message["path"], headers=message["headers"], **body)
