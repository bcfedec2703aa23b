"""One step after the other: ask, wait for the log lines, check, show."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from leveret.client import ReceivedReply
from leveret.errors import NoAnswer, NotSent, RequestError
from taskmanager.demo.log_book import LogLine
from taskmanager.demo.promises import DemoFailed, promise
from taskmanager.demo.screen import Screen
from taskmanager.demo.stage import Stage

PATIENCE: Final = 10.0
"""Seconds that an answer may take, the pauses before retries aside."""


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


class Story:
    """Tells the demonstration; the scenes are functions that take it.

    Attributes:
        stage: broker, workers, client.
        screen: where it is shown.
        token: the access token, once somebody has logged in.
        task_id: the task that the first steps made.
    """

    def __init__(self, stage: Stage, screen: Screen) -> None:
        self.stage = stage
        self.screen = screen
        self.token = ""
        self.task_id = 0
        self._step = 0
        self._patience = PATIENCE + 3 * stage.topology.delays[0].total_seconds()

    def begin(self, title: str, sentence: str) -> str:
        """Begin a step, and give the request id for it."""
        self._step += 1
        self.screen.head(f"{self._step}  {title}", sentence)
        return f"demo-{self._step:02}"

    def ask(
        self, request_id: str, action: str, data: dict[str, Any] | None = None, *, version: str = "v1", expect: str
    ) -> Exchange:
        """Ask for an action, and wait for the line in the log that tells of its end.

        Args:
            request_id: as `begin` gives it.
            action: its name.
            data: its input.
            version: of the API.
            expect: how that line begins, such as ``ok: demo-01``.

        Raises:
            DemoFailed: there is no response, or no such line.
        """
        before = sum(line.message.startswith(expect) for line in self.stage.book.lines())
        received = self.receive(request_id, action, data, version=version)
        what = f"'{expect}'"
        self.stage.book.wait(lambda line: line.message.startswith(expect), what, count=before + 1)
        request = self.request(request_id, action, data, version=version)
        return Exchange(request, received, self.stage.book.about(request_id))

    def receive(
        self, request_id: str, action: str, data: dict[str, Any] | None = None, *, version: str = "v1"
    ) -> ReceivedReply:
        """Ask for an action and give the response.

        Raises:
            DemoFailed: there is none.
        """
        try:
            return self.stage.client.ask(
                action, data, version=version, token=self.token, id=request_id, timeout=self._patience
            )
        except (NotSent, NoAnswer, RequestError) as error:
            raise DemoFailed(str(error)) from error

    def request(
        self, request_id: str, action: str, data: dict[str, Any] | None = None, *, version: str = "v1"
    ) -> dict[str, Any]:
        """Make the request as it stands in the message, for showing it."""
        return {"id": request_id, "version": version, "action": action, "data": data or {}, "auth": self.token}

    def show(self, exchange: Exchange) -> None:
        """Show request, response and log lines beside each other."""
        response = json.loads(exchange.received.body)
        self.screen.columns([("request", exchange.request), ("response", response)], exchange.lines)

    def succeeded(self, exchange: Exchange) -> None:
        """Check that the response is a result.

        Raises:
            DemoFailed: it is an error response.
        """
        reply = exchange.received.reply
        promise(reply.status == "ok", f"{exchange.request['action']} answers ok; it answered {reply.error!r}")

    def tasks(self) -> list[dict[str, Any]]:
        """Give all tasks of the user, newest first, without showing that."""
        received = self.receive(f"demo-{self._step:02}-count", "list_tasks", {"limit": 100})
        promise(received.reply.status == "ok", f"list_tasks answers ok; it answered {received.reply.error!r}")
        return list(received.reply.data)
