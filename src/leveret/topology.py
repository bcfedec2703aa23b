"""The exchanges, queues and bindings of an API, as data, and all their names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from msgspec import Struct

from leveret.amqp import Channel
from leveret.durations import format_duration

DELIVERY_LIMIT: Final = 2_000_000_000
"""Never reached: looking at a message counts as a delivery on RabbitMQ 4.0 to 4.2, where the default of 20 would lose
it; -1 means "unlimited" on 4.x and "drop at the first return" on 3.10."""


class Queue(Struct, frozen=True):
    """A durable quorum queue; ``purpose`` is for people."""

    name: str
    purpose: str
    arguments: Mapping[str, str | int]


class Topology(Struct, frozen=True):
    """Everything that an API needs at the broker.

    Attributes:
        prefix: first part of all names; ``api`` on the published wire.
        delays: one retry queue for each.
        limit: so many requests may wait for the workers, further ones are refused; None for any number.
    """

    prefix: str = "api"
    delays: tuple[timedelta, ...] = (timedelta(seconds=5),)
    limit: int | None = 1_000_000

    @property
    def exchange(self) -> str:
        """The durable direct exchange that requests are published to."""
        return f"{self.prefix}.direct"

    @property
    def requests(self) -> str:
        """The queue of requests, and the only routing key of the exchange."""
        return f"{self.prefix}.requests"

    @property
    def dead_letters(self) -> str:
        """The queue of dead letters."""
        return f"{self.requests}.dlq"

    @property
    def retries(self) -> tuple[str, ...]:
        """The retry queue of each delay: one name without a delay in it when there is one delay only."""
        if len(self.delays) == 1:
            return (f"{self.requests}.retry",)
        return tuple(f"{self.requests}.retry.{format_duration(delay, days=False)}" for delay in self.delays)

    @property
    def queues(self) -> tuple[Queue, ...]:
        """All queues with their arguments (RabbitMQ, "Quorum Queues", "Time-To-Live", "Queue Length Limit")."""
        to_dead_letters = _dead_lettering("", self.dead_letters)
        to_requests = _dead_lettering(self.exchange, self.requests)
        waiting = [
            Queue(
                name,
                f"waits {format_duration(delay, days=False)}, then goes back to {self.requests}",
                {**_QUORUM, **to_requests, "x-message-ttl": int(delay / timedelta(milliseconds=1))},
            )
            for name, delay in zip(self.retries, self.delays, strict=True)
        ]
        return (
            Queue(self.requests, "requests for the workers", {**_QUORUM, **to_dead_letters, **self._length}),
            *waiting,
            Queue(self.dead_letters, "requests that were given up", _QUORUM),
        )

    @property
    def _length(self) -> Mapping[str, int]:
        """Only callers feel it: what is in hand does not count, and what goes back or was retried is never dropped."""
        return {} if self.limit is None else {"x-max-length": self.limit}

    async def declare(self, channel: Channel) -> None:
        """Make what is missing at the broker; what is there stays as it is.

        Raises:
            ChannelClosed: something of that name is there with other arguments; the text says which.
        """
        await channel.declare_exchange(self.exchange, "direct", durable=True)
        for queue in self.queues:
            await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
        await channel.bind_queue(self.requests, self.exchange, self.requests)


_QUORUM: Final[Mapping[str, str | int]] = {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT}


def _dead_lettering(exchange: str, routing_key: str) -> Mapping[str, str | int]:
    """At-least-once dead-lettering needs all four, or the broker falls back to at-most-once in silence."""
    return {
        "x-dead-letter-exchange": exchange,
        "x-dead-letter-routing-key": routing_key,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
