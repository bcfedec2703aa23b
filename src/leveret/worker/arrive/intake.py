"""From a delivery to work, or to an outcome: decode, check, find the action, authenticate. No I/O."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from math import inf
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from leveret.amqp import Delivery
from leveret.amqp.rabbitmq import DEATHS
from leveret.api import Action, Api
from leveret.auth.keyring import ANONYMOUS, Keyring, Ticket, TokenExpired, is_ticket
from leveret.errors import Internal, InvalidRequest, RequestError
from leveret.observe import Subject
from leveret.outcome import Answer, DeadLetter, Outcome
from leveret.retry import failure_of
from leveret.sql.records import RequestKey
from leveret.wire.attempts import read_attempts
from leveret.wire.codec import canonical, check_size, decode_request, imprint, refusal
from leveret.wire.envelope import HIGHEST_PRIORITY, RETRY_COUNT, Request
from leveret.wire.letter import FOREIGN_REPLY_TO_CODE
from leveret.wire.limits import LARGEST_MOVED_REQUEST, LARGEST_REQUEST
from leveret.wire.masking import shown, without_tokens
from leveret.worker.arrive.reply_queues import foreign_reply_to
from leveret.worker.deadline import due, exceeded
from leveret.worker.work import DeclinedDelivery, RejectedRequest, Work

logger: Final = logging.getLogger("leveret.worker")

_LONGEST_NAME: Final = 100
_LONGEST_REASON: Final = 1000
"""The most characters of a caller's text in a log line or a reason."""

_PLAIN_ENCODINGS: Final = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii", "identity"})  # some send a charset


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
        self._deprecated_seen: set[tuple[str, str]] = set()
        self._known = {(action.version, action.name): (action, self._secrets - action.plain) for action in api}

    def take(self, delivery: Delivery, arrived: float = 0.0) -> Work | RejectedRequest | DeclinedDelivery:
        """Read and check a delivery, with the moment of its arrival; never raises, whatever the message holds."""
        opened = _Opened(delivery, arrived)
        if delivery.unreadable:
            reason = f"{InvalidRequest.code}: {delivery.unreadable}"
            return self._refuse(opened, DeadLetter(reason, code=InvalidRequest.code))
        if foreign := foreign_reply_to(delivery.properties.reply_to):
            return self._refuse(opened, DeadLetter(foreign, code=FOREIGN_REPLY_TO_CODE))
        try:
            return self._accept(opened)
        except RequestError as error:
            if delivery.properties.reply_to:
                return self._refuse(opened, Answer(refusal(opened.id, error), error.code))
            reason = f"{error.code}: {shown(str(error), _LONGEST_REASON)}"
            return self._refuse(opened, DeadLetter(reason, code=error.code))
        except Exception as error:  # if it were raised, each delivery of this message would end the session
            logger.exception("a message cannot be read: %s", _known_id(delivery))
            letter = DeadLetter(f"cannot be read: {type(error).__name__}", Internal.code, failure=failure_of(error))
            return self._refuse(opened, letter)

    def _accept(self, opened: _Opened) -> Work | RejectedRequest:
        """Decode a request, and check who asks for which action, whether it comes in time, and its input.

        Raises:
            RequestError: the request is refused, even if it was executed before.
        """
        delivery = opened.delivery
        forged, largest = _forged(delivery), _checked_size(delivery)
        request = opened.request = decode_request(delivery.body, largest)
        ticket = self._read_ticket(delivery, request) if is_ticket(request.auth) else None
        if forged and not ticket:
            raise forged
        name = request.version, request.action
        action, secrets = self._known.get(name) or (self._api.find(*name), self._secrets)
        expired: RequestError | None = None
        if ticket:
            principal = ticket.principal
        elif action.public:
            principal = ANONYMOUS
        else:
            try:
                principal = self._keyring.verify(request.auth)
            except TokenExpired as error:
                principal, expired = error.principal, error
        fingerprint, others = b"", tuple[bytes, ...]()
        stores = action.writes or (self._replay_all and not action.secret)
        if stores:
            asked, keyed = canonical([*name, request.data]), bool(action.secrets)
            fingerprint = self._keyring.fingerprint(asked, keyed=keyed)
            others = self._keyring.other_fingerprints(asked, keyed=keyed)
        retries, headers, until, now = ticket.retries if ticket else 0, delivery.properties.headers, inf, self._clock()
        if headers and not (retries or delivery.redelivered):
            until = due(headers)
        refused = exceeded(headers, now, "Request arrived") if headers and now * 1000 > until else expired
        if refused and not stores:
            raise refused
        subject = Subject(request.id, ".".join(name), principal.subject, delivery, opened.arrived, retries + 1)
        if action.deprecated and name not in self._deprecated_seen:
            self._deprecated_seen.add(name)
            logger.warning("%s", _called_deprecated(action, principal.subject))
        work = Work(
            subject,
            delivery,
            request,
            action,
            principal,
            action.arguments(request.data),
            retries,
            RequestKey(principal.subject, request.id),
            secrets,
            stores,
            read_attempts(headers, ticket.attempts) if ticket else (),
            until,
            fingerprint,
            others,
        )
        return RejectedRequest(work, refused) if refused else work

    def _read_ticket(self, delivery: Delivery, request: Request) -> Ticket:
        """Verify a ticket, which only workers can make; it holds the number of the retry."""
        ticket = self._keyring.read_ticket(request.auth, imprint(request))
        if ticket.retries != (delivery.properties.headers or {}).get(RETRY_COUNT, 0):
            raise InvalidRequest(f"Header {RETRY_COUNT} does not match the request's ticket")
        return ticket

    def leave_unread(self, delivery: Delivery, outcome: Outcome, arrived: float = 0.0) -> DeclinedDelivery:
        """Return a delivery with its outcome, without reading its body."""
        if isinstance(outcome, DeadLetter) and (delivery.unreadable or foreign_reply_to(delivery.properties.reply_to)):
            outcome = replace(outcome, reply_code=None)  # no reply can be sent
        subject = Subject(_known_id(delivery), "-", "", delivery, arrived)
        return DeclinedDelivery(subject, delivery, outcome, self._secrets, unread=True)

    def _refuse(self, opened: _Opened, outcome: Outcome) -> DeclinedDelivery:
        name = shown(opened.request.name, _LONGEST_NAME) if opened.request else "-"
        subject = Subject(opened.id, name, "", opened.delivery, opened.arrived)
        return DeclinedDelivery(subject, opened.delivery, outcome, self._secrets)


class _Opened(Struct):
    """A delivery that is being read, and what is known about it so far.

    Attributes:
        delivery: the message as it arrived.
        arrived: when it arrived.
        request: the decoded body; None until it is decoded.
    """

    delivery: Delivery
    arrived: float
    request: Request | None = None

    @property
    def id(self) -> str:
        return self.request.id if self.request else _known_id(self.delivery)


def _called_deprecated(action: Action, caller: str) -> str:
    instead = f": {action.deprecated}" if isinstance(action.deprecated, str) else ""
    who = shown(caller, _LONGEST_NAME) or "an anonymous caller"
    return f"deprecated action {action.full_name} was called by {who}{instead}"


def _checked_size(delivery: Delivery) -> int:
    """Check what a message's properties say about its body, and return how many bytes the body may have."""
    encoding = delivery.properties.content_encoding
    if encoding is not None and encoding.strip().lower() not in _PLAIN_ENCODINGS:
        raise InvalidRequest(f"content_encoding {encoding!r} is not supported: send plain UTF-8 JSON")
    # A worker has written a retried request again. A caller that only sets this header is refused: it has no ticket.
    moved = (delivery.properties.headers or {}).get(RETRY_COUNT, 0) != 0
    largest = LARGEST_MOVED_REQUEST if moved else LARGEST_REQUEST
    if delivery.left_out:
        check_size(delivery.left_out, largest)
    return largest


def _forged(delivery: Delivery) -> InvalidRequest | None:
    """Return the refusal of a message that only a worker may send, as a ticket proves; None for any other message."""
    headers, priority = delivery.properties.headers or {}, delivery.properties.priority
    for header, forged in ((RETRY_COUNT, headers.get(RETRY_COUNT, 0) != 0), (DEATHS, DEATHS in headers)):
        if forged:
            return InvalidRequest(f"Header {header} is not for callers: leave it out")
    if priority is not None and priority > HIGHEST_PRIORITY:
        return InvalidRequest(
            f"Property priority: expected at most {HIGHEST_PRIORITY}, which is also the default, got {priority}"
        )
    return None


def _known_id(delivery: Delivery) -> str:
    """Return an id for a message whose body holds no usable one: its correlation_id (unprintable characters as ?)."""
    given = without_tokens(delivery.properties.correlation_id or "")
    return "".join(character if " " <= character <= "~" else "?" for character in given[:128])
