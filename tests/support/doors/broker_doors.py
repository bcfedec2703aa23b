"""The doors over RabbitMQ: the framework's client, pika, and the client that is generated in Python."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from typing import Any, Final

import msgspec
import pika
from pika.adapters.blocking_connection import BlockingChannel
from taskmanager_client import Api

from leveret.client import Client
from leveret.errors import LeveretError, RequestError
from support.doors.case import Answer, Case
from support.doors.http_forms import json_bytes

LIMIT: Final = 30.0
"""Seconds in which a case must be answered."""
_REPLIES: Final = "amq.rabbitmq.reply-to"


def of_error(error: Exception) -> Answer:
    """Return what an error of the framework's client says; any other one is an answer that no door may give."""
    if isinstance(error, RequestError):
        return Answer(error.code, text=error.text, details=error.details and dict(error.details))
    kind = "failed" if isinstance(error, LeveretError) else "raised"
    return Answer(f"{kind}: {type(error).__name__}", text=str(error))


class ClientDoor:
    """The framework's client, which calls by name."""

    name = "client"

    def __init__(self, client: Client) -> None:
        self._client = client

    def takes(self, case: Case) -> bool:  # noqa: ARG002 -- every door takes it
        """Return True: a name and a dictionary can say everything."""
        return True

    async def ask(self, case: Case) -> Answer:
        """Call the action by its name."""
        try:
            data = await self._client.call(
                case.action, case.data, version=case.version, token=case.token, id=case.id, timeout=LIMIT
            )
        except Exception as error:  # one that is not ours is a finding
            return of_error(error)
        return Answer(data=data)


class PikaDoor:
    """A program with pika, which knows nothing of the framework."""

    name = "pika"

    def __init__(self, url: str, prefix: str) -> None:
        self._exchange, self._key = f"{prefix}.direct", f"{prefix}.requests"
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        self._channel: BlockingChannel = self._connection.channel()
        self._channel.confirm_delivery()
        self._replies: dict[str, bytes] = {}
        self._channel.basic_consume(_REPLIES, self._take, auto_ack=True)

    def takes(self, case: Case) -> bool:  # noqa: ARG002 -- every door takes it
        """Return True: it writes the JSON itself."""
        return True

    async def ask(self, case: Case) -> Answer:
        """Publish the request, and wait for its reply."""
        reply = await asyncio.to_thread(self._reply, case)
        if reply["status"] == "ok":
            return Answer(data=reply["data"])
        return Answer(reply["code"], text=reply["error"], details=reply.get("details"))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _take(self, _channel: Any, _method: Any, properties: pika.BasicProperties, body: bytes) -> None:
        self._replies[str(properties.correlation_id)] = body

    def _reply(self, case: Case) -> dict[str, Any]:
        request = {
            "id": case.id, "version": case.version, "action": case.action, "data": case.data, "auth": case.token,
        }  # fmt: skip
        mine = pika.BasicProperties("application/json", delivery_mode=2, correlation_id=case.id, reply_to=_REPLIES)
        self._channel.basic_publish(self._exchange, self._key, json_bytes(request), mine, mandatory=True)
        end = time.monotonic() + LIMIT
        while case.id not in self._replies and (left := end - time.monotonic()) > 0:
            self._connection.process_data_events(left)
        if case.id not in self._replies:
            return {"status": "error", "code": "failed: no reply", "error": f"within {LIMIT:g} s"}
        found: dict[str, Any] = json.loads(self._replies.pop(case.id))
        return found


class PythonDoor:
    """The client that is generated in Python: a method for each action, a parameter for each field."""

    name = "python"

    def __init__(self, client: Client) -> None:
        self._api = Api(client)

    def takes(self, case: Case) -> bool:
        """Return whether there are parameters for these fields; a type is not checked when a program runs."""
        fields = {
            name: each
            for name, each in inspect.signature(self._method(case)).parameters.items()
            if name not in {"token", "id", "timeout"}
        }
        needed = {name for name, each in fields.items() if each.default is inspect.Parameter.empty}
        return needed <= set(case.data) <= set(fields)

    async def ask(self, case: Case) -> Answer:
        """Call the action's method."""
        try:
            result = await self._method(case)(**case.data, token=case.token, id=case.id, timeout=LIMIT)
        except Exception as error:  # one that is not ours is a finding
            return of_error(error)
        return Answer(data=msgspec.to_builtins(result, str_keys=True))

    def _method(self, case: Case) -> Any:
        return getattr(getattr(self._api, case.version), case.action)
