"""The names that OpenTelemetry's conventions for messaging give things, as of version 1.44 (still "Development").

https://opentelemetry.io/docs/specs/semconv/messaging/. Only this module knows them, because they may still change.
"""

from __future__ import annotations

from typing import Final

SYSTEM: Final = "messaging.system"
OPERATION_NAME: Final = "messaging.operation.name"
OPERATION_TYPE: Final = "messaging.operation.type"
DESTINATION: Final = "messaging.destination.name"
ROUTING_KEY: Final = "messaging.rabbitmq.destination.routing_key"
MESSAGE_ID: Final = "messaging.message.id"
BATCH_SIZE: Final = "messaging.batch.message_count"
CONVERSATION_ID: Final = "messaging.message.conversation_id"
ERROR_TYPE: Final = "error.type"

RABBITMQ: Final = "rabbitmq"
PROCESS: Final = "process"
SEND: Final = "send"
REDRIVE: Final = "redrive"
"""Values of the first three."""

ACTION: Final = "leveret.action"
ATTEMPT: Final = "leveret.attempt"
OUTCOME: Final = "leveret.outcome"
OPERATION: Final = "leveret.operation"
"""Names of our own."""


def destination(exchange: str, routing_key: str) -> str:
    """Return the name of a destination: exchange and routing key, without what is empty."""
    return f"{exchange}:{routing_key}" if exchange else routing_key
