"""Deliveries as a broker would hand them over, made without one."""

import json
from typing import Any

from msgspec.structs import replace

from leveret.amqp import Delivery, Properties
from leveret.auth.keyring import Principal, Ticket
from leveret.wire.codec import decode_request, imprint
from leveret.wire.envelope import DEATHS, RETRY_COUNT
from support.serving import keyring

REPLY_TO = "amq.rabbitmq.reply-to.g1h3AA5yZXBseUA2Njg5OTkwOQAAB1oAAAAAZ2tGMg==.abcdefghijklmnop"
"""A direct reply queue's name, as RabbitMQ makes it."""


def asked(request: dict[str, Any], tag: int = 1) -> Delivery:
    """Deliver a request as our clients send it."""
    properties = Properties("application/json", correlation_id=request["id"], reply_to=REPLY_TO, delivery_mode=2)
    return Delivery(
        consumer_tag="c1.1",
        delivery_tag=tag,
        redelivered=False,
        exchange="api.direct",
        routing_key="api.requests",
        properties=properties,
        body=json.dumps(request).encode(),
    )


def retried(deaths: Any) -> Delivery:
    """A request with one retry behind it, and what the broker says of its way."""
    ring = keyring()
    request: dict[str, Any] = {"id": "a", "version": "v1", "action": "get_task", "data": {"task_id": 1}}
    known = imprint(decode_request(json.dumps(request).encode()))
    delivery = asked({**request, "auth": ring.issue_ticket(Ticket(Principal("7"), known, 1))})
    return replace(delivery, properties=replace(delivery.properties, headers={RETRY_COUNT: 1, DEATHS: deaths}))
