"""Callers of both forms, who ask again with the same id while that is promised to be safe and their patience lasts."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

import httpx2

from leveret.client import Client
from leveret.errors import NoAnswer, NotSent, Overloaded
from taskmanager.compare.judging import Outcome, Result
from taskmanager.compare.server import ACTION, PATH

_PAUSE: Final = 0.25
"""Seconds between two attempts."""

_AGAIN: Final = frozenset({409, 429, 502, 503, 504})
"""Statuses after which the documentation tells callers to ask again with the same key."""

_CONNECTIONS: Final = 1000


class Caller(Protocol):
    """Makes the calls of one form."""

    async def ask(self, request_id: str, patience: float) -> tuple[Result, int, str]:
        """Return the result of one request, the number of attempts, and the last error's code."""


class HttpCaller:
    """Calls over HTTP.

    Args:
        addresses: of the servers, each with a slash at its end; requests take turns.
        token: of the user.
    """

    def __init__(self, addresses: Sequence[str], token: str) -> None:
        self._addresses = addresses
        self._token = token
        self._asked = 0
        limits = httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
        self._http = httpx2.AsyncClient(limits=limits, trust_env=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def ask(self, request_id: str, patience: float) -> tuple[Result, int, str]:
        """Return the result of one request, the number of attempts, and the last error's code."""
        end, attempts, code = time.monotonic() + patience, 0, ""
        while (left := end - time.monotonic()) > 0:
            attempts += 1
            with suppress(httpx2.TransportError, TimeoutError):
                async with asyncio.timeout(left):
                    answer = await self._post(request_id, math.ceil(left))
                if answer.is_success:
                    return "answered", attempts, ""
                code = str(answer.json().get("code", answer.status_code))
                if answer.status_code not in _AGAIN:
                    return "failed", attempts, code
            await asyncio.sleep(max(min(_PAUSE, end - time.monotonic()), 0))
        return "silent", attempts, code

    async def _post(self, request_id: str, wait: int) -> httpx2.Response:
        self._asked += 1
        headers = {
            "Prefer": f"wait={wait}",  # tells the server when the caller gives up, as the client does over RabbitMQ
            "Authorization": f"Bearer {self._token}",
            "Idempotency-Key": f'"{request_id}"',
        }
        address = self._addresses[self._asked % len(self._addresses)]
        return await self._http.post(
            f"{address.rstrip('/')}{PATH}", json=_data(request_id), headers=headers, timeout=None
        )


class RabbitCaller:
    """Calls over RabbitMQ.

    Args:
        client: is connected.
        token: of the user.
    """

    def __init__(self, client: Client, token: str) -> None:
        self._client = client
        self._token = token

    async def ask(self, request_id: str, patience: float) -> tuple[Result, int, str]:
        """Return the result of one request, the number of attempts, and the last error's code."""
        end, attempts, code = time.monotonic() + patience, 0, ""
        while (left := end - time.monotonic()) > 0:
            attempts += 1
            try:
                received = await self._client.ask(
                    ACTION, _data(request_id), version="v2", token=self._token, id=request_id, timeout=left
                )
            except NoAnswer:
                return "silent", attempts, code
            except (NotSent, Overloaded):
                await asyncio.sleep(max(min(_PAUSE, end - time.monotonic()), 0))
            else:
                reply = received.reply
                return ("answered", attempts, "") if reply.status == "ok" else ("failed", attempts, str(reply.code))
        return "silent", attempts, code


async def ask_steadily(caller: Caller, prefix: str, rate: float, seconds: float, patience: float) -> list[Outcome]:
    """Send requests at a fixed rate, whether answers come or not, and wait until all callers have an answer or give up.

    Args:
        caller: makes the calls.
        prefix: ids are PREFIX-0, PREFIX-1 and so on.
        rate: requests a second.
        seconds: how long they are sent.
        patience: seconds after which each caller gives up.
    """
    began = time.monotonic()

    async def one(number: int) -> Outcome:
        due, request_id = number / rate, f"{prefix}-{number}"
        await asyncio.sleep(max(began + due - time.monotonic(), 0))
        result, attempts, code = await caller.ask(request_id, patience)
        return Outcome(request_id, due, time.monotonic() - began - due, result, attempts, code)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(number)) for number in range(max(int(rate * seconds), 1))]
    return [task.result() for task in tasks]


def _data(request_id: str) -> dict[str, Any]:
    return {"title": request_id}
