"""The exchange, the queues and the binding of an API, as data, and all their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from leveret.amqp import AnyChannel
from leveret.process.durations import format_duration, is_whole

DELIVERY_LIMIT: Final = 2_000_000_000
"""Deliveries of one message; never reached. On RabbitMQ 4.0 to 4.2 looking at a message counts as a delivery, and the
default of 20 would lose it; -1 means "unlimited" on 4.x but "drop at the first return" on 3.10."""


_MEBIBYTE: Final = 1024 * 1024

STATUS_AGE: Final = timedelta(hours=1)
"""How long the reports of workers are kept."""


class Queue(Struct, frozen=True):
    """A durable queue or stream; ``purpose`` is text for people."""

    name: str
    purpose: str
    arguments: Mapping[str, str | int]


class Topology(Struct, frozen=True):
    """Everything that an API needs at the broker.

    Attributes:
        prefix: first part of all names; ``api`` on the published wire.
        delays: the ladder; one retry queue for each.
        limit: how many requests may wait for the workers; the broker refuses further ones. None for no limit.
        own_delays: delays of single actions that the ladder does not have; one retry queue for each.
        letters_size: bytes that the stream with copies of dead letters may have; None if there are no streams.
        letters_age: how long a copy is kept at most.

    Raises:
        ValueError: a delay is not a whole number of milliseconds, so it would share its queue with another one.
    """

    prefix: str = "api"
    delays: tuple[timedelta, ...] = (timedelta(seconds=5),)
    limit: int | None = 1_000_000
    own_delays: tuple[timedelta, ...] = ()
    letters_size: int | None = None
    letters_age: timedelta = timedelta(days=30)

    def __post_init__(self) -> None:
        if not all(map(is_whole, (*self.delays, *self.own_delays))):
            raise ValueError(f"Delays must be whole milliseconds, got {(*self.delays, *self.own_delays)}")

    def with_delays(self, delays: Iterable[timedelta]) -> Topology:
        """Return this topology with one more retry queue for each of these delays that has none."""
        return replace(self, own_delays=tuple(sorted({*self.own_delays, *delays} - {*self.delays})))

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
    def letters_exchange(self) -> str:
        """The durable fanout exchange that brings what the broker gives up to the dead letters and to their stream."""
        return f"{self.prefix}.letters"

    @property
    def letters_stream(self) -> str:
        """The stream of copies of dead letters, and of marks that tell what became of them."""
        return f"{self.requests}.letters"

    @property
    def status_stream(self) -> str:
        """The stream of the reports of workers."""
        return f"{self.requests}.status"

    @property
    def retry_queues(self) -> Mapping[timedelta, str]:
        """The retry queue of each delay; with only one delay in the ladder its queue's name does not contain it."""
        delays = (*self.delays, *self.own_delays)
        names = {delay: f"{self.requests}.retry.{format_duration(delay, days=False)}" for delay in delays}
        if len(self.delays) == 1:
            names[self.delays[0]] = f"{self.requests}.retry"
        return names

    @property
    def retries(self) -> tuple[str, ...]:
        """All retry queues: first those of the ladder."""
        return tuple(self.retry_queues.values())

    @property
    def queues(self) -> tuple[Queue, ...]:
        """All queues as they are made at a new broker, see ``queues_through``."""
        return self.queues_through("" if self.letters_size is None else self.letters_exchange)

    def queues_through(self, exchange: str) -> tuple[Queue, ...]:
        """Return all queues with their arguments (RabbitMQ, "Quorum Queues", "Time-To-Live", "Queue Length Limit").

        Args:
            exchange: where the broker publishes what it moves out of the queue of requests: ``letters_exchange``, or
                the default exchange, as in queues that are older than the streams.
        """
        to_dead_letters = _dead_lettering(exchange, self.dead_letters)
        to_requests = _dead_lettering(self.exchange, self.requests)
        waiting = [
            Queue(
                name,
                f"waits {format_duration(delay, days=False)}, then goes back to {self.requests}",
                {**_QUORUM, **to_requests, "x-message-ttl": int(delay / timedelta(milliseconds=1))},
            )
            for delay, name in self.retry_queues.items()
        ]
        return (
            Queue(self.requests, "requests for the workers", {**_QUORUM, **to_dead_letters, **self._length}),
            *waiting,
            Queue(self.dead_letters, "requests that were given up", _QUORUM),
        )

    @property
    def streams(self) -> tuple[Queue, ...]:
        """The streams with their arguments (RabbitMQ, "Streams"); none if they are switched off.

        A stream drops whole segments, so a segment is small beside the stream.
        """
        if self.letters_size is None:
            return ()
        kept = [
            (self.letters_stream, "copies of dead letters, for the index", self.letters_size, self.letters_age),
            (self.status_stream, "what workers report", 64 * _MEBIBYTE, STATUS_AGE),
        ]
        return tuple(Queue(name, purpose, _stream(size, age)) for name, purpose, size, age in kept)

    @property
    def _length(self) -> Mapping[str, int]:
        """Only callers meet this limit: requests in hand do not count, and no returned or retried one is dropped."""
        return {} if self.limit is None else {"x-max-length": self.limit}

    async def declare(self, channel: AnyChannel, *, through: str = "") -> None:
        """Declare what requests need, without the streams of letters; what exists stays as it is.

        Workers and tools use `leveret.broker.declaring.declare`, which declares everything.

        Args:
            channel: it is closed if the broker refuses.
            through: see ``queues_through``.

        Raises:
            ChannelClosed: something of that name exists with other arguments; the text says what.
        """
        await channel.declare_exchange(self.exchange, "direct", durable=True)
        for queue in self.queues_through(through):
            await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
        await channel.bind_queue(self.requests, self.exchange, self.requests)


_QUORUM: Final[Mapping[str, str | int]] = {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT}


def _stream(size: int, age: timedelta) -> Mapping[str, str | int]:
    return {
        "x-queue-type": "stream",
        "x-max-length-bytes": size,
        "x-max-age": f"{age // timedelta(seconds=1)}s",
        "x-stream-max-segment-size-bytes": min(max(size // 16, _MEBIBYTE), 100 * _MEBIBYTE),
    }


def _dead_lettering(exchange: str, routing_key: str) -> Mapping[str, str | int]:
    """At-least-once dead-lettering needs all four; without one the broker silently uses at-most-once."""
    return {
        "x-dead-letter-exchange": exchange,
        "x-dead-letter-routing-key": routing_key,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
