"""What a caller with a login at the broker may try against everything else there."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlsplit

from pamqp.commands import Exchange

from leveret.amqp import Address, Channel, Connection, Delivery, FieldTable, Message, Properties
from leveret.amqp.methods import build
from leveret.amqp.rabbitmq import DIRECT_REPLY_TO
from leveret.topology import Topology


@dataclass
class Attacker:
    """A caller's login, and the targets at the broker.

    Attributes:
        address: address of the broker with the caller's login.
        management: host and port of the management API.
        victim: a queue of somebody else, bound to an exchange of the same name.
        reply_queue: an exclusive reply queue of somebody else, named by the broker.
    """

    connection: Connection
    channel: Channel
    address: Address
    topology: Topology
    management: str
    victim: str
    reply_queue: str

    async def publish(self, key: str, exchange: str = "", body: bytes = b"{}", **properties: Any) -> None:
        await self.channel.publish(Message(body, key, exchange, Properties(**properties), mandatory=True))

    async def exchange_call(self, kind: Callable[..., Any], accepts: type, destination: str, source: str) -> None:
        call = build(kind, destination=destination, source=source, routing_key=self.topology.requests)
        await self.channel._conversation.ask(call, f"{kind.__name__} of {destination!r}", accepts)

    def over_http(self, method: str, path: str, body: dict[str, Any] | None = None) -> int:
        """Send a request to the management API as the caller, and return the status."""
        words = base64.b64encode(f"{self.address.user}:{self.address.password}".encode()).decode()
        connection = HTTPConnection(urlsplit(self.management).netloc, timeout=10)
        try:
            headers = {"Authorization": f"Basic {words}", "Content-Type": "application/json"}
            connection.request(method, f"/api/{path}", json.dumps(body or {}), headers)
            return connection.getresponse().status
        finally:
            connection.close()


Attack = Callable[[Attacker], Awaitable[object]]


def nothing(_: list[Delivery]) -> None:
    """Take deliveries and do nothing with them."""


def _redeclare(arguments: FieldTable) -> Attack:
    return lambda a: a.channel.declare_queue(a.topology.requests, arguments=arguments)


def _new_queue(arguments: FieldTable | None = None, name: str = "mine", **how: bool) -> Attack:
    return lambda a: a.channel.declare_queue(name, arguments=arguments, **how)


def _dead_lettering_to_requests(a: Attacker) -> Awaitable[object]:
    to_ours: FieldTable = {"x-dead-letter-exchange": a.topology.exchange, "x-message-ttl": 1}
    return a.channel.declare_queue("mine", exclusive=True, arguments=to_ours)


def _dead_lettering_to_letters(a: Attacker) -> Awaitable[object]:
    to_letters: FieldTable = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": a.topology.dead_letters}
    return a.channel.declare_queue("", exclusive=True, arguments=to_letters)


def _alternate(a: Attacker) -> Awaitable[object]:
    return a.channel.declare_exchange("mine", arguments={"alternate-exchange": a.topology.exchange})


def _own_alternate(a: Attacker) -> Awaitable[object]:
    return a.channel.declare_exchange(a.topology.exchange, arguments={"alternate-exchange": a.victim})


def _bind_exchange(source: str, destination: str) -> Attack:
    """Bind two exchanges; an empty name stands for the exchange of requests."""
    return lambda a: a.exchange_call(
        Exchange.Bind, Exchange.BindOk, destination or a.topology.exchange, source or a.topology.exchange
    )


def _unbind_exchange(a: Attacker) -> Awaitable[object]:
    return a.exchange_call(Exchange.Unbind, Exchange.UnbindOk, "amq.fanout", a.topology.exchange)


async def _forge_user(a: Attacker) -> None:
    await a.publish(a.topology.requests, a.topology.exchange, user_id="guest")


async def _bad_expiration(a: Attacker) -> None:
    await a.publish(a.topology.requests, a.topology.exchange, expiration="never")


async def _reply_to_without_consumer(a: Attacker) -> None:
    await a.publish(a.topology.requests, a.topology.exchange, reply_to=DIRECT_REPLY_TO)


REFUSED: Final[dict[str, Attack]] = {
    "consume requests": lambda a: a.channel.consume(a.topology.requests, nothing),
    "consume requests alone": lambda a: a.channel.consume(a.topology.requests, nothing, exclusive=True),
    "consume requests first": lambda a: a.channel.consume(a.topology.requests, nothing, arguments={"x-priority": 9}),
    "consume retries": lambda a: a.channel.consume(a.topology.retries[0], nothing),
    "consume letters": lambda a: a.channel.consume(a.topology.dead_letters, nothing),
    "consume another's queue": lambda a: a.channel.consume(a.victim, nothing),
    "consume another's replies": lambda a: a.channel.consume(a.reply_queue, nothing),
    "get a request": lambda a: a.channel.get(a.topology.requests),
    "get a retry": lambda a: a.channel.get(a.topology.retries[0]),
    "get a letter": lambda a: a.channel.get(a.topology.dead_letters, no_ack=True),
    "get another's message": lambda a: a.channel.get(a.victim),
    "get another's reply": lambda a: a.channel.get(a.reply_queue),
    "purge requests": lambda a: a.channel.purge_queue(a.topology.requests),
    "purge retries": lambda a: a.channel.purge_queue(a.topology.retries[0]),
    "purge letters": lambda a: a.channel.purge_queue(a.topology.dead_letters),
    "delete requests": lambda a: a.channel.delete_queue(a.topology.requests),
    "delete retries": lambda a: a.channel.delete_queue(a.topology.retries[0]),
    "delete letters": lambda a: a.channel.delete_queue(a.topology.dead_letters),
    "delete another's reply queue": lambda a: a.channel.delete_queue(a.reply_queue),
    "delete the exchange": lambda a: a.channel.delete_exchange(a.topology.exchange),
    "bind requests elsewhere": lambda a: a.channel.bind_queue(a.topology.requests, "amq.direct", "k"),
    "bind letters to the exchange": lambda a: a.channel.bind_queue(a.topology.dead_letters, a.topology.exchange, "k"),
    "bind another's queue to the exchange": lambda a: a.channel.bind_queue(
        a.victim, a.topology.exchange, a.topology.requests
    ),
    "unbind requests": lambda a: a.channel.unbind_queue(a.topology.requests, a.topology.exchange, a.topology.requests),
    "declare a queue": _new_queue(),
    "declare an exclusive queue": _new_queue(exclusive=True),
    "declare a queue that the broker names": _new_queue(name="", exclusive=True),
    "declare a queue named as by the broker": _new_queue(name="amq.gen-mine", exclusive=True),
    "declare a queue of a name that is the broker's": _new_queue(name="amq.rabbitmq.mine"),
    "declare a queue that dead-letters to requests": _dead_lettering_to_requests,
    "declare a queue that dead-letters to letters": _dead_lettering_to_letters,
    "redeclare requests as they are": lambda a: a.channel.declare_queue(
        a.topology.requests, arguments=dict(a.topology.queues[0].arguments)
    ),
    "redeclare requests otherwise": _redeclare({"x-queue-type": "quorum", "x-delivery-limit": 1}),
    "declare an exchange": lambda a: a.channel.declare_exchange("mine"),
    "declare an exchange named as by the broker": lambda a: a.channel.declare_exchange("amq.gen-mine"),
    "declare an exchange with ours as alternate": _alternate,
    "give our exchange an alternate": _own_alternate,
    "bind an exchange to ours": _bind_exchange("", "amq.fanout"),
    "bind our exchange to another": _bind_exchange("amq.fanout", ""),
    "unbind an exchange from ours": _unbind_exchange,
    "publish to requests by the default exchange": lambda a: a.publish(a.topology.requests),
    "publish to retries by the default exchange": lambda a: a.publish(a.topology.retries[0]),
    "publish to letters by the default exchange": lambda a: a.publish(a.topology.dead_letters),
    "publish to another's queue by the default exchange": lambda a: a.publish(a.victim),
    "publish to another's reply queue": lambda a: a.publish(a.reply_queue),
    "publish to another's exchange": lambda a: a.publish("k", a.victim),
    "publish to amq.direct": lambda a: a.publish("k", "amq.direct"),
    "publish to amq.fanout": lambda a: a.publish("k", "amq.fanout"),
    "publish to amq.topic": lambda a: a.publish("k", "amq.topic"),
    "publish to amq.rabbitmq.trace": lambda a: a.publish("k", "amq.rabbitmq.trace"),
    "publish with the key of letters": lambda a: a.publish(a.topology.dead_letters, a.topology.exchange),
    "publish with the key of retries": lambda a: a.publish(a.topology.retries[0], a.topology.exchange),
    "publish with the key of another's queue": lambda a: a.publish(a.victim, a.topology.exchange),
    "publish in somebody else's name": _forge_user,
    "publish with an expiration that is no number": _bad_expiration,
    "publish with direct reply-to but without listening": _reply_to_without_consumer,
    "listen to direct reply-to with acks": lambda a: a.channel.consume(DIRECT_REPLY_TO, nothing),
    "enter another vhost": lambda a: Connection.open(
        Address(
            host=a.address.host, port=a.address.port, user=a.address.user, password=a.address.password, vhost="another"
        )
    ),
}
"""Attacks that the broker refuses over AMQP: with an error of the channel or connection, or by returning a message."""

OVER_HTTP: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "read the overview": ("GET", "overview", {}),
    "read all definitions": ("GET", "definitions", {}),
    "list the queues": ("GET", "queues", {}),
    "list the users": ("GET", "users", {}),
    "get letters": (
        "POST",
        "queues/%2F/LETTERS/get",
        {"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"},
    ),
    "publish a letter": (
        "POST",
        "exchanges/%2F/amq.default/publish",
        {"properties": {}, "routing_key": "LETTERS", "payload": "{}", "payload_encoding": "string"},
    ),
    "purge letters": ("DELETE", "queues/%2F/LETTERS/contents", {}),
    "become an administrator": ("PUT", "users/MYSELF", {"password": "x", "tags": "administrator"}),
    "get all permissions": ("PUT", "permissions/%2F/MYSELF", {"configure": ".*", "write": ".*", "read": ".*"}),
    "set a policy": ("PUT", "policies/%2F/mine", {"pattern": ".*", "definition": {"expires": 1}}),
    "forward letters by a shovel": ("PUT", "parameters/shovel/%2F/mine", {"value": {}}),
}
"""Requests that the management API refuses; LETTERS and MYSELF stand for names."""
