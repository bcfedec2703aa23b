"""What becomes of a delivery that was read: work, a request that is refused unless it is known, or none of both."""

from __future__ import annotations

from math import inf
from typing import Any

from msgspec import Struct

from leveret.amqp import Delivery
from leveret.api import Action
from leveret.auth.keyring import Principal
from leveret.errors import RequestError
from leveret.observe import Subject
from leveret.outcome import Outcome
from leveret.sql.records import RequestKey
from leveret.wire.attempts import Attempt
from leveret.wire.envelope import Request


class Work(Struct, frozen=True):
    """A delivery that is a request, checked and ready to run.

    Attributes:
        subject: what the log and observers are told of it.
        delivery: as it came.
        request: what its body says.
        action: what it asks for.
        principal: who asks.
        arguments: the checked input, none or one.
        retries: retries that lie behind this attempt.
        key: what its idempotency row is found by.
        secrets: names of fields that must not be written down.
        stores: its response is kept: that of a write, of a read by choice, never one with a secret.
        attempts: the attempts that failed before this one, as far as they travelled with the request.
        due: until when it may begin, in POSIX milliseconds; infinite for one that has begun before.
        fingerprint: digest of what it asks for, where its response is stored; empty otherwise.
        other_fingerprints: the digests that workers with other secrets make of it.
    """

    subject: Subject
    delivery: Delivery
    request: Request
    action: Action
    principal: Principal
    arguments: tuple[Any, ...]
    retries: int
    key: RequestKey
    secrets: frozenset[str] = frozenset()
    stores: bool = False
    attempts: tuple[Attempt, ...] = ()
    due: float = inf
    fingerprint: bytes = b""
    other_fingerprints: tuple[bytes, ...] = ()


class RejectedRequest(Struct, frozen=True):
    """A request that may not run now: refused, unless it was executed before.

    Attributes:
        work: the request, whose responses are stored.
        error: the refusal: it is late, over its limit, or its token has expired.
    """

    work: Work
    error: RequestError


class DeclinedDelivery(Struct, frozen=True):
    """A delivery that is not executed.

    Attributes:
        subject: what is known of it, for the log, observers and the reply.
        delivery: as it came.
        outcome: an answer where somebody waits, otherwise a dead letter.
        secrets: names of fields that must not be written down.
        unread: its body has not been read, and must not be.
    """

    subject: Subject
    delivery: Delivery
    outcome: Outcome
    secrets: frozenset[str] = frozenset()
    unread: bool = False


def unread(delivery: Delivery, arrived: float) -> Subject:
    """Say for observers what is known of a delivery before it is read."""
    return Subject(delivery.properties.correlation_id or "", "-", "", delivery, arrived)
