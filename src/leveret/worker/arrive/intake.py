"""From a delivery to work, or to an outcome: decode, check, find the action, authenticate. No I/O."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from leveret.amqp import Delivery
from leveret.api import Api
from leveret.auth.keyring import ANONYMOUS, Keyring, Ticket, TokenExpired, is_ticket
from leveret.errors import Internal, InvalidRequest, RequestError
from leveret.observe import Subject
from leveret.outcome import Answer, DeadLetter, Outcome
from leveret.retry import failure_of
from leveret.wire.attempts import read_attempts
from leveret.wire.codec import check_size, decode_request, imprint, refusal
from leveret.wire.envelope import DEATHS, HIGHEST_PRIORITY, RETRY_COUNT, Request
from leveret.wire.letter import FOREIGN_REPLY_TO_CODE
from leveret.wire.limits import LARGEST_MOVED_REQUEST, LARGEST_REQUEST
from leveret.wire.masking import shown, without_tokens
from leveret.worker.arrive.reply_queues import foreign_reply_to
from leveret.worker.deadline import lateness
from leveret.worker.work import DeclinedDelivery, RejectedRequest, Work

logger: Final = logging.getLogger("leveret.worker")

_LONGEST_NAME: Final = 100
_LONGEST_REASON: Final = 1000
"""Characters of what a caller wrote, in logs and reasons."""

_PLAIN_ENCODINGS: Final = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii", "identity"})  # libraries write charsets


class Intake:
    """Reads deliveries for one API.

    Args:
        api: the actions.
        keyring: verifies tokens and tickets.
        replay_all: store the responses of reads too.
        clock: POSIX time in seconds.
    """

    def __init__(
        self,
        api: Api,
        keyring: Keyring,
        *,
        replay_all: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._keyring = keyring
        self._replay_all = replay_all
        self._clock = clock
        self._secrets = frozenset(name for action in api for name in action.secrets)
        self._secrets_of = {(action.version, action.name): self._secrets - action.plain for action in api}

    def take(self, delivery: Delivery, arrived: float = 0.0) -> Work | RejectedRequest | DeclinedDelivery:
        """Check a delivery that arrived at a moment; never raises, whatever the message holds."""
        request: Request | None = None
        if delivery.unreadable:
            reason = f"{InvalidRequest.code}: {delivery.unreadable}"
            return self._refuse(delivery, None, DeadLetter(reason, code=InvalidRequest.code), arrived)
        if foreign := foreign_reply_to(delivery.properties.reply_to):
            return self._refuse(delivery, None, DeadLetter(foreign, code=FOREIGN_REPLY_TO_CODE), arrived)
        try:
            _check_encoding(delivery)
            largest = _largest(delivery)
            if delivery.left_out:
                check_size(delivery.left_out, largest)
            request = decode_request(delivery.body, largest)
            return self._accept(delivery, request, arrived)
        except RequestError as error:
            request_id = request.id if request else _known_id(delivery)
            if delivery.properties.reply_to:
                return self._refuse(delivery, request, Answer(refusal(request_id, error), error.code), arrived)
            reason = f"{error.code}: {shown(str(error), _LONGEST_REASON)}"
            return self._refuse(delivery, request, DeadLetter(reason, code=error.code), arrived)
        except Exception as error:  # it would end the session, and again with the next delivery of this message
            logger.exception("a message cannot be read: %s", _known_id(delivery))
            letter = DeadLetter(f"cannot be read: {type(error).__name__}", Internal.code, failure=failure_of(error))
            return self._refuse(delivery, request, letter, arrived)

    def _accept(self, delivery: Delivery, request: Request, arrived: float) -> Work | RejectedRequest:
        retries, ticket = self._standing(delivery, request)
        if not retries:  # one that an earlier version has accepted goes on
            _check_priority(delivery)
        refused: RequestError | None = None
        headers = delivery.properties.headers
        if headers and not (retries or delivery.redelivered):
            refused = lateness(headers, self._clock(), "Request arrived")
        action = self._api.find(request.version, request.action)
        if ticket:
            principal = ticket.principal
        elif action.public:
            principal = ANONYMOUS
        else:
            try:
                principal = self._keyring.verify(request.auth)
            except TokenExpired as error:
                principal, refused = error.principal, refused or error
        stores = action.writes or (self._replay_all and not action.secret)
        if refused is not None and not stores:
            raise refused
        secrets = self._secrets_of[action.version, action.name]
        attempts = read_attempts(headers, ticket.attempts) if ticket else ()
        arguments = action.arguments(request.data)
        subject = Subject(request.id, f"{action.version}.{action.name}", principal.subject, delivery, arrived)
        work = Work(subject, delivery, request, action, principal, arguments, retries, secrets, stores, attempts)
        return work if refused is None else RejectedRequest(work, refused)

    def _standing(self, delivery: Delivery, request: Request) -> tuple[int, Ticket | None]:
        """Return how many retries a request has had; only a ticket counts, because only workers can make one."""
        headers = delivery.properties.headers or {}
        counted = headers.get(RETRY_COUNT, 0)
        if is_ticket(request.auth):
            ticket = self._keyring.read_ticket(request.auth, imprint(request))
            if ticket.retries == counted:
                return ticket.retries, ticket
            raise InvalidRequest(f"Header {RETRY_COUNT} does not fit the request's ticket")
        for header, forged in ((RETRY_COUNT, counted != 0), (DEATHS, DEATHS in headers)):
            if forged:
                raise InvalidRequest(f"Header {header} is not for callers: leave it out")
        return 0, None

    def leave_unread(self, delivery: Delivery, outcome: Outcome, arrived: float = 0.0) -> DeclinedDelivery:
        """Return a delivery with its outcome, without reading its body."""
        if isinstance(outcome, DeadLetter) and (delivery.unreadable or foreign_reply_to(delivery.properties.reply_to)):
            outcome = replace(outcome, reply_code=None)  # nobody is told
        subject = Subject(_known_id(delivery), "-", "", delivery, arrived)
        return DeclinedDelivery(subject, delivery, outcome, self._secrets, unread=True)

    def _refuse(
        self, delivery: Delivery, request: Request | None, outcome: Outcome, arrived: float
    ) -> DeclinedDelivery:
        known = (request.id, shown(request.name, _LONGEST_NAME)) if request else (_known_id(delivery), "-")
        return DeclinedDelivery(Subject(*known, "", delivery, arrived), delivery, outcome, self._secrets)


def _largest(delivery: Delivery) -> int:
    """A worker that moved a request on wrote it anew; whoever only claims so is found out by the missing ticket."""
    moved = (delivery.properties.headers or {}).get(RETRY_COUNT, 0) != 0
    return LARGEST_MOVED_REQUEST if moved else LARGEST_REQUEST


def _check_encoding(delivery: Delivery) -> None:
    encoding = delivery.properties.content_encoding
    if encoding is not None and encoding.strip().lower() not in _PLAIN_ENCODINGS:
        raise InvalidRequest(f"content_encoding {encoding!r} is not supported: send plain UTF-8 JSON")


def _check_priority(delivery: Delivery) -> None:
    priority = delivery.properties.priority
    if priority is not None and priority > HIGHEST_PRIORITY:
        raise InvalidRequest(
            f"Property priority: expected at most {HIGHEST_PRIORITY}, as a request without it has, got {priority}"
        )


def _known_id(delivery: Delivery) -> str:
    """Name a message whose body says no usable id: by its correlation_id, as far as that is printable."""
    given = without_tokens(delivery.properties.correlation_id or "")
    return "".join(character if " " <= character <= "~" else "?" for character in given[:128])
