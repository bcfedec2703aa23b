"""A client with pika: reads calls and tells what became of each; see docs/protocol.md."""

import json
import os
import sys
import time
import uuid
from typing import Any

import pika
from pika.exceptions import AMQPError, NackError, UnroutableError

EXCHANGE, KEY = (f"{os.environ['CONFORMANCE_QUEUES']}.{name}" for name in ("direct", "requests"))
REPLIES = "amq.rabbitmq.reply-to"
NO_ANSWER, NOT_SENT = {"outcome": "no_answer"}, {"outcome": "not_sent"}
OVERLOADED = {"outcome": "error", "code": "overloaded"}


class Caller:
    def __init__(self) -> None:
        self.channel: Any = None
        self.replies: dict[str, bytes] = {}

    def connect(self) -> None:
        self.channel = pika.BlockingConnection(pika.URLParameters(os.environ["CONFORMANCE_URL"])).channel()
        self.channel.confirm_delivery()
        take = lambda _channel, _method, asked, body: self.replies.update({asked.correlation_id: body})  # noqa: E731
        self.channel.basic_consume(REPLIES, take, auto_ack=True)

    def attempt(self, request: dict[str, Any], end: float) -> dict[str, Any]:
        mine = pika.BasicProperties("application/json", delivery_mode=2, correlation_id=request["id"], reply_to=REPLIES)
        self.channel.basic_publish(EXCHANGE, KEY, json.dumps(request).encode(), mine, mandatory=True)
        while request["id"] not in self.replies and (left := end - time.monotonic()) > 0:
            self.channel.connection.process_data_events(time_limit=left)
        reply = json.loads(self.replies.pop(request["id"]))
        if reply["status"] == "ok":
            return {"outcome": "result", "data": reply["data"]}
        return {"outcome": "error", **{name: reply.get(name) for name in ("code", "error", "details")}}

    def call(self, request: dict[str, Any], end: float, *, sent: bool = False) -> dict[str, Any]:
        while time.monotonic() < end:
            try:
                if self.channel is None or not self.channel.is_open:
                    self.connect()
                return self.attempt(request, end)
            except (UnroutableError, NackError) as error:  # of an earlier attempt they tell nothing
                return NO_ANSWER if sent else NOT_SENT if isinstance(error, UnroutableError) else OVERLOADED
            except AMQPError:  # the connection was lost: ask again with the same id
                sent = True
                time.sleep(0.05)
            except (ValueError, KeyError):  # no reply in time, or one that cannot be read
                return NO_ANSWER
        return NO_ANSWER


caller = Caller()
for line in sys.stdin:
    request = {"id": uuid.uuid4().hex, "version": "v1", "auth": "", **json.loads(line)}
    outcome = caller.call(request, time.monotonic() + request.pop("timeout", 20))
    print(json.dumps({"id": request["id"], **outcome}), flush=True)
