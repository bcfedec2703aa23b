"""A dead letter as it lies in its queue: what the worker wrote, or what the broker moved there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from leveret.amqp import Delivery
from leveret.amqp.rabbitmq import DEATHS
from leveret.wire.attempts import Attempt
from leveret.wire.kept import known_body
from leveret.wire.letter import LetterBody, decode_letter


class Death(Struct, frozen=True):
    """One reason for which the broker moved the message out of one queue (RabbitMQ, "Dead Letter Exchanges").

    Attributes:
        queue: where the message was.
        reason: ``expired``, ``rejected``, ``maxlen`` or ``delivery_limit``.
        count: how often that happened there for this reason.
    """

    queue: str
    reason: str
    count: int


class Letter(Struct, frozen=True):
    """A message in the dead-letter queue.

    Attributes:
        content: what the worker wrote. Where no worker wrote the message, because the broker itself moved it there: its
            body as it is, or how large the body is where it is larger than any letter.
        headers: the message's headers, as the driver reads them.
        deaths: what the broker says of the message's way; a client of an old broker may have forged it.
        correlation_id: the id of the request, where the message has it.
        redelivered: somebody has looked at the letter before.
        message_id: the letter's own id; None where the letter is older, or no worker wrote it.
    """

    content: LetterBody | bytes
    headers: dict[str, Any]
    deaths: tuple[Death, ...]
    correlation_id: str | None
    redelivered: bool
    message_id: str | None = None

    @property
    def request_id(self) -> str | None:
        """The id of its request; of a message that no worker wrote, its correlation_id."""
        written = self.content.request if isinstance(self.content, LetterBody) else None
        return _id_in(written, self.correlation_id)

    @property
    def reason(self) -> str:
        """Why a worker gave the request up, for a person; empty where no worker wrote the letter."""
        return self.content.reason if isinstance(self.content, LetterBody) else ""

    @property
    def code(self) -> str:
        """Why, for programs; empty where no worker wrote the letter, or the letter is older than codes."""
        return self.content.code or "" if isinstance(self.content, LetterBody) else ""

    @property
    def attempts(self) -> Sequence[Attempt]:
        """The attempts that failed, the oldest first; none where the letter does not tell."""
        return self.content.attempts or () if isinstance(self.content, LetterBody) else ()


def read_letter(delivery: Delivery) -> Letter:
    """Read a message of the dead-letter queue; never raises, whatever it holds."""
    headers = dict(delivery.properties.headers or {})
    content: LetterBody | bytes
    try:
        content = decode_letter(delivery.body)
    except ValueError:
        content = known_body(delivery)
    found = delivery.properties
    deaths = deaths_in(headers)
    return Letter(content, headers, deaths, found.correlation_id, delivery.redelivered, found.message_id)


def request_id(delivery: Delivery) -> str | None:
    """Return the id of a letter's request; of a message that no worker wrote, its correlation_id."""
    try:
        request = decode_letter(delivery.body).request
    except ValueError:
        request = None
    return _id_in(request, delivery.properties.correlation_id)


def _id_in(request: Any, otherwise: str | None) -> str | None:
    found = request.get("id") if isinstance(request, dict) else None
    return found if isinstance(found, str) else otherwise


def deaths_in(headers: Mapping[str, Any]) -> tuple[Death, ...]:
    """Read what the broker says of a message's way; what is not in its form is passed over."""
    tables = headers.get(DEATHS)
    if not isinstance(tables, list):
        return ()
    deaths = []
    for table in tables:
        if isinstance(table, dict):
            queue, reason, count = table.get("queue"), table.get("reason"), table.get("count")
            if isinstance(queue, str) and isinstance(reason, str) and isinstance(count, int):
                deaths.append(Death(queue, reason, count))
    return tuple(deaths)
