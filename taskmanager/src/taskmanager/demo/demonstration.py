"""What every step of the demonstration does: send a request, wait for its log lines, check and show what came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from leveret.client import ReceivedReply
from leveret.errors import NoAnswer, NotSent, RequestError
from taskmanager.demo.checks import DemoFailed, check
from taskmanager.demo.screen import Screen
from taskmanager.demo.system import System
from taskmanager.demo.worker_logs import LogLine

REPLY_LIMIT: Final = 10.0
"""Seconds that a response may take; the pauses before retries come on top."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, its response, and the log lines about it."""

    request: dict[str, Any]
    received: ReceivedReply
    lines: Sequence[LogLine]

    @property
    def data(self) -> Any:
        """The response's data."""
        return self.received.reply.data

    @property
    def messages(self) -> list[str]:
        """The texts of the log lines."""
        return [line.message for line in self.lines]


class Demonstration:
    """Runs the steps of the demonstration; each step is a function that takes this object.

    Attributes:
        system: broker, workers, client.
        screen: prints what is shown.
        token: the access token; empty before the login.
        task_id: the id of the task that the first steps create.
    """

    def __init__(self, system: System, screen: Screen) -> None:
        self.system = system
        self.screen = screen
        self.token = ""
        self.task_id = 0
        self._step = 0
        self._limit = REPLY_LIMIT + 3 * system.topology.delays[0].total_seconds()

    def begin(self, title: str, sentence: str) -> str:
        """Print the title of the next step, and return the id for its request."""
        self._step += 1
        self.screen.head(f"{self._step}  {title}", sentence)
        return f"demo-{self._step:02}"

    def ask(
        self, request_id: str, action: str, data: dict[str, Any] | None = None, *, version: str = "v1", expect: str
    ) -> Exchange:
        """Send a request, and wait for the log line that reports its end.

        Args:
            request_id: the id that `begin` returned.
            action: name of the action.
            data: the action's input.
            version: version of the API.
            expect: beginning of that log line, such as ``ok: demo-01``.

        Raises:
            DemoFailed: there is no response, or no such line.
        """
        before = sum(line.message.startswith(expect) for line in self.system.logs.lines())
        received = self.receive(request_id, action, data, version=version)
        what = f"'{expect}'"
        self.system.logs.wait(lambda line: line.message.startswith(expect), what, count=before + 1)
        request = self.request(request_id, action, data, version=version)
        return Exchange(request, received, self.system.logs.about(request_id))

    def receive(
        self, request_id: str, action: str, data: dict[str, Any] | None = None, *, version: str = "v1"
    ) -> ReceivedReply:
        """Send a request and return the response.

        Raises:
            DemoFailed: there is no response.
        """
        try:
            return self.system.client.ask(
                action, data, version=version, token=self.token, id=request_id, timeout=self._limit
            )
        except (NotSent, NoAnswer, RequestError) as error:
            raise DemoFailed(str(error)) from error

    def request(
        self, request_id: str, action: str, data: dict[str, Any] | None = None, *, version: str = "v1"
    ) -> dict[str, Any]:
        """Return the request as it stands in the message, so that it can be shown."""
        return {"id": request_id, "version": version, "action": action, "data": data or {}, "auth": self.token}

    def show(self, exchange: Exchange) -> None:
        """Print request, response and log lines beside each other."""
        response = json.loads(exchange.received.body)
        self.screen.columns([("request", exchange.request), ("response", response)], exchange.lines)

    def succeeded(self, exchange: Exchange) -> None:
        """Check that the response is a result.

        Raises:
            DemoFailed: the response is an error.
        """
        reply = exchange.received.reply
        check(reply.status == "ok", f"{exchange.request['action']} answers ok; it answered {reply.error!r}")

    def tasks(self) -> list[dict[str, Any]]:
        """Return all tasks of the user, newest first; this request is not shown."""
        received = self.receive(f"demo-{self._step:02}-count", "list_tasks", {"limit": 100})
        check(received.reply.status == "ok", f"list_tasks answers ok; it answered {received.reply.error!r}")
        return list(received.reply.data)
