"""Deliveries as a broker would deliver them, made without a broker."""

import json
from typing import Any

from msgspec.structs import replace

from leveret.amqp import Delivery, Properties
from leveret.amqp.rabbitmq import DEATHS
from leveret.auth.keyring import Principal, Ticket
from leveret.wire.codec import decode_request, imprint
from leveret.wire.envelope import RETRY_COUNT
from support.serving import keyring

REPLY_TO = "amq.rabbitmq.reply-to.g1h3AA5yZXBseUA2Njg5OTkwOQAAB1oAAAAAZ2tGMg==.abcdefghijklmnop"
"""Name of a direct reply queue, as RabbitMQ makes it."""


def delivery_of(request: dict[str, Any], tag: int = 1) -> Delivery:
    """Return the delivery of a request that one of our clients sends."""
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


def retried_delivery(deaths: Any) -> Delivery:
    """Return the delivery of a request after one retry, with the broker's record of its way in `x-death`."""
    ring = keyring()
    request: dict[str, Any] = {"id": "a", "version": "v1", "action": "get_task", "data": {"task_id": 1}}
    known = imprint(decode_request(json.dumps(request).encode()))
    delivery = delivery_of({**request, "auth": ring.issue_ticket(Ticket(Principal("7"), known, 1))})
    return replace(delivery, properties=replace(delivery.properties, headers={RETRY_COUNT: 1, DEATHS: deaths}))


def letter_delivery(queue: str, properties: Properties, body: bytes) -> Delivery:
    """Return the delivery of a dead letter from its queue."""
    return Delivery(
        consumer_tag="c1.1",
        delivery_tag=1,
        redelivered=False,
        exchange="",
        routing_key=queue,
        properties=properties,
        body=body,
    )
