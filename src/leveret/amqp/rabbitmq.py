"""Names and numbers that RabbitMQ adds to AMQP."""

from __future__ import annotations

from typing import Final

DIRECT_REPLY_TO: Final = "amq.rabbitmq.reply-to"
"""What a client that wants replies without a queue consumes and names as ``reply_to`` (RabbitMQ, "Direct Reply-to")."""

DEATHS: Final = "x-death"
"""Header: the broker writes it when it dead-letters a message (RabbitMQ, "Dead Letter Exchanges")."""

DEFAULT_PRIORITY: Final = 4
"""Priority of a message without that property in a quorum queue (RabbitMQ 4.3, "Priority Support in Queues")."""
