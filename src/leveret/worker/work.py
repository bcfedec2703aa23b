"""What a delivery that was read becomes: work, a request that is refused unless it was executed before, or neither."""

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
        subject: what the log and observers are told about it.
        delivery: the message as it arrived.
        request: the decoded body.
        action: the action that it asks for.
        principal: the caller.
        arguments: the checked input: one value, or none.
        retries: which retry this attempt is; 0 for the first attempt.
        key: the key of its idempotency row.
        secrets: names of fields that must not be written down.
        stores: whether its response is stored: always for a write, by choice for a read, never if it holds a secret.
        attempts: the attempts that failed before this one, as far as its message lists them.
        due: the latest moment at which it may begin, in POSIX milliseconds; infinite without a deadline, and for a
            request that may have begun before.
        fingerprint: digest of what it asks for if its response is stored, otherwise empty.
        other_fingerprints: the digests of the same that workers with other secrets make.
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
        work: the request; its action's responses are stored.
        error: the refusal: the request is late or over its rate limit, or its token has expired.
    """

    work: Work
    error: RequestError


class DeclinedDelivery(Struct, frozen=True):
    """A delivery that is not executed.

    Attributes:
        subject: what is known about it, for the log, observers and the reply.
        delivery: the message as it arrived.
        outcome: what becomes of it.
        secrets: names of fields that must not be written down.
        unread: whether its body was not read, and must not be read.
    """

    subject: Subject
    delivery: Delivery
    outcome: Outcome
    secrets: frozenset[str] = frozenset()
    unread: bool = False


def unread(delivery: Delivery, arrived: float) -> Subject:
    """Return what observers are told about a delivery that is not read yet."""
    return Subject(delivery.properties.correlation_id or "", "-", "", delivery, arrived)
