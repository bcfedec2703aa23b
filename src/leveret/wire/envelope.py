"""What travels: requests and replies, and the names that the wire fixes."""

from __future__ import annotations

from typing import Any, Final, Literal

from msgspec import UNSET, Struct, UnsetType

from leveret.amqp.rabbitmq import DEFAULT_PRIORITY

RETRY_COUNT: Final = "x-retry-count"
"""Header: how many retries lie behind the message, a whole number."""

ATTEMPTS: Final = "x-attempts"
"""Header of a retry: the attempts that have failed so far, believed only with a ticket."""

DEADLINE: Final = "x-deadline"
"""Header: POSIX time in milliseconds after which the caller no longer waits."""

TIMEOUT: Final = "x-timeout"
"""Header: how many milliseconds the caller waits from the moment at which the broker takes the message."""

STAMP: Final = "timestamp_in_ms"
"""Header: POSIX time in milliseconds at which the broker took the message, if the broker is told to add it (RabbitMQ,
"Message Interceptors")."""

PRINCIPAL: Final = "x-principal"
"""Header of a dead letter: the caller whose request it was, believed only with a seal."""

SEAL: Final = "x-seal"
"""Header of a dead letter: shows that a worker wrote it, and for whom."""

CONTENT_TYPE: Final = "application/json"

HIGHEST_PRIORITY: Final = DEFAULT_PRIORITY
"""Priority of a message without that property, and the highest that a caller may set: on RabbitMQ 4.3 a quorum queue
always delivers higher ones first (RabbitMQ, "Priority Support in Queues")."""

REDRIVE_PRIORITY: Final = 1
"""Priority with which a dead letter's request is sent again: behind live traffic on RabbitMQ 4.3."""


class Request(Struct, frozen=True):
    """A request as it stands in a message's body.

    Attributes:
        id: the caller's id for this request: 1 to 128 printable ASCII characters. The key of idempotency.
        version: version of the API, such as ``v1``.
        action: name of the action.
        data: the action's input, a JSON object.
        auth: a JWT, with or without a leading ``Bearer ``; empty for none.
    """

    id: str
    version: str
    action: str
    data: dict[str, Any]
    auth: str = ""

    @property
    def name(self) -> str:
        """Its version and action, as log lines show them: ``v1.create_task``."""
        return f"{self.version}.{self.action}"


class Reply(Struct, frozen=True):
    """A response as it stands in a message's body; ``code`` and ``details`` only with ``status`` ``error``."""

    correlation_id: str
    status: Literal["ok", "error"]
    data: Any = None
    error: str | None = None
    code: str | UnsetType = UNSET
    details: dict[str, Any] | UnsetType | None = UNSET
