"""Decides on letters that are to be sent again, and traces those that are."""

from __future__ import annotations

from leveret.amqp import Delivery, Message
from leveret.letters.redrive import Redriver
from leveret.letters.walk import Decision, Send
from leveret.observe.traces import RedriveSpan, RedriveSpans, ResentLetter
from leveret.topology import Topology
from leveret.wire.letter import decode_letter
from leveret.wire.messages import traced_message


class LetterSender:
    """Makes decisions to send letters again, each with a span where traces are wanted.

    Args:
        redriver: decides what may be sent again, and makes its message.
        spans: makes the spans; None for none.
        operation: the id of the operation; empty where there is none.
    """

    def __init__(self, redriver: Redriver, spans: RedriveSpans | None = None, operation: str = "") -> None:
        self._redriver = redriver
        self._spans = spans
        self._operation = operation
        self._begun: dict[int, tuple[Delivery, RedriveSpan]] = {}

    @property
    def topology(self) -> Topology:
        """Names at the broker."""
        return self._redriver.topology

    def send(self, delivery: Delivery, *, named: bool) -> Send:
        """Return the decision to send a letter again.

        Args:
            delivery: the letter.
            named: somebody asked for this very letter.

        Raises:
            NotRedrivable: it cannot be sent.
        """
        message = self._redriver.message(delivery, named=named)
        if self._spans is None:
            return Send(message)
        span = self._spans.begin(self._resent(delivery, message))
        self._begun[id(delivery)] = delivery, span
        return Send(traced_message(message, span.headers))

    def told(self, delivery: Delivery, decision: Decision) -> None:
        """Note what became of a letter."""
        if begun := self._begun.pop(id(delivery), None):
            begun[1].end("" if isinstance(decision, Send) else "refused")

    def close(self) -> None:
        """End the spans of letters of which nobody told what became of them, because the connection was lost."""
        while self._begun:
            self._begun.popitem()[1][1].end("unconfirmed")

    def _resent(self, delivery: Delivery, message: Message) -> ResentLetter:
        request = decode_letter(delivery.body).request
        return ResentLetter(
            headers=delivery.properties.headers,
            request=message.properties.correlation_id or "",
            action=f"{request['version']}.{request['action']}",
            exchange=message.exchange,
            queue=message.routing_key,
            operation=self._operation,
        )
