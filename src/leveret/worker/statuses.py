"""Publishes what a worker says of itself, so that it disturbs nothing."""

from __future__ import annotations

import logging
from typing import Final

from leveret.amqp import AmqpError, AnyChannel
from leveret.wire.messages import status_message
from leveret.worker.session import Session

logger: Final = logging.getLogger("leveret.worker")


class StatusPublisher:
    """Publishes to a stream on a channel of its own, so that a refusal closes nothing else.

    Args:
        stream: its name; the broker drops what is published while there is none.
    """

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._channel: tuple[Session, AnyChannel] | None = None
        self._refused: set[str] = set()

    async def publish(self, session: Session, body: bytes) -> None:
        """Publish a status, unless the broker takes no messages at present."""
        if session.blocked or session.lost.done():
            return
        try:
            if self._channel is None or self._channel[0] is not session or not self._channel[1].is_open:
                self._channel = (session, await session.publisher.open_beside())
            self._channel[1].publish_batch([status_message(body, self._stream)])
        except AmqpError as error:
            self._say(str(error))

    def _say(self, words: str) -> None:
        """Log why nothing can be published, once for each reason."""
        if words not in self._refused and len(self._refused) < _MOST_REASONS:
            self._refused.add(words)
            logger.info("what this worker does cannot be published to %s: %s", self._stream, words)


_MOST_REASONS: Final = 10
