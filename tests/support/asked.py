"""Deliveries as a broker would hand them over, made without one."""

import json
from typing import Any

from warren.amqp import Delivery, Properties

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
