"""From a delivery to work, or to an outcome: decode, check, find the action, authenticate. No I/O."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from leveret.actions import Action, Api, Context, Transactions
from leveret.amqp import Delivery
from leveret.auth import ANONYMOUS, Keyring, Principal, Ticket, TokenExpired, is_ticket
from leveret.codec import LARGEST_BODY, LARGEST_REWRITTEN, canonical, check_size, decode_request, imprint, ok, refusal
from leveret.envelope import DEATHS, HIGHEST_PRIORITY, RETRY_COUNT, Request
from leveret.errors import Internal, InvalidRequest, RequestError, ResponseTooLarge
from leveret.inbox import Job, always
from leveret.masking import shown, without_tokens
from leveret.outcome import Answer, DeadLetter, Outcome
from leveret.serving.lateness import lateness
from leveret.serving.reply_queues import foreign_reply_to
from leveret.store import Key

C = TypeVar("C")
S = TypeVar("S")

logger: Final = logging.getLogger("leveret.worker")

_LONGEST_NAME: Final = 100
_LONGEST_REASON: Final = 1000
"""Characters of what a caller wrote, in logs and reasons."""

_PLAIN_ENCODINGS: Final = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii", "identity"})  # libraries write charsets


LARGEST_RESPONSE: Final = 8 * 1024 * 1024
"""Bytes of a response, unless a worker is told otherwise; RabbitMQ 4 takes no message over 16 MiB of itself."""


class Work(Struct, frozen=True):
    """A delivery that is a request, checked and ready to run.

    Attributes:
        delivery: as it came.
        request: what its body says.
        action: what it asks for.
        principal: who asks.
        arguments: the checked input, none or one.
        retries: retries that lie behind this attempt.
        secrets: names of fields that must not be written down.
    """

    delivery: Delivery
    request: Request
    action: Action
    principal: Principal
    arguments: tuple[Any, ...]
    retries: int
    secrets: frozenset[str] = frozenset()

    @property
    def key(self) -> Key:
        """What its idempotency row is found by."""
        return Key(self.principal.subject, self.request.id)


class Rejected(Struct, frozen=True):
    """A request that may not run now: refused, unless it was executed before.

    Attributes:
        work: the request, whose responses are stored.
        error: the refusal: it is late, over its limit, or its token has expired.
    """

    work: Work
    error: RequestError


class Declined(Struct, frozen=True):
    """A delivery that is not executed.

    Attributes:
        delivery: as it came.
        id: the request's id, or what is known of it; for the log and the reply.
        name: version and action, or ``-``.
        outcome: an answer where somebody waits, otherwise a dead letter.
        secrets: names of fields that must not be written down.
        unread: its body has not been read, and must not be.
    """

    delivery: Delivery
    id: str
    name: str
    outcome: Outcome
    secrets: frozenset[str] = frozenset()
    unread: bool = False


class Intake(Generic[C, S]):
    """Reads deliveries for one API.

    Args:
        api: the actions.
        keyring: verifies tokens and tickets.
        services: handed to the actions.
        replay_all: store the responses of reads too.
        largest_response: bytes that a response may have.
        clock: POSIX time in seconds.
    """

    def __init__(
        self,
        api: Api[C, S],
        keyring: Keyring,
        services: S,
        *,
        replay_all: bool = False,
        largest_response: int = LARGEST_RESPONSE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._keyring = keyring
        self._services = services
        self._replay_all = replay_all
        self._largest_response = largest_response
        self._clock = clock
        self._secrets = frozenset(name for action in api for name in action.secrets)
        self._secrets_of = {(action.version, action.name): self._secrets - action.plain for action in api}

    def take(self, delivery: Delivery) -> Work | Rejected | Declined:
        """Check a delivery; never raises, whatever the message holds."""
        request: Request | None = None
        if delivery.unreadable:
            return self._refuse(delivery, None, DeadLetter(f"{InvalidRequest.code}: {delivery.unreadable}"))
        if foreign := foreign_reply_to(delivery.properties.reply_to):
            return self._refuse(delivery, None, DeadLetter(foreign))
        try:
            _check_encoding(delivery)
            check_size(delivery.left_out, _largest(delivery))
            request = decode_request(delivery.body, _largest(delivery))
            return self._accept(delivery, request)
        except RequestError as error:
            request_id = request.id if request else _known_id(delivery)
            if delivery.properties.reply_to:
                return self._refuse(delivery, request, Answer(refusal(request_id, error), error.code))
            return self._refuse(delivery, request, DeadLetter(f"{error.code}: {shown(str(error), _LONGEST_REASON)}"))
        except Exception as error:  # it would end the session, and again with the next delivery of this message
            logger.exception("a message cannot be read: %s", _known_id(delivery))
            return self._refuse(delivery, request, DeadLetter(f"cannot be read: {type(error).__name__}", Internal.code))

    def _accept(self, delivery: Delivery, request: Request) -> Work | Rejected:
        retries, ticket = self._standing(delivery, request)
        if not retries:  # one that an earlier version has accepted goes on
            _check_priority(delivery)
        refused: RequestError | None = None
        if not (retries or delivery.redelivered):
            refused = lateness(delivery.properties.headers, self._clock(), "Request arrived")
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
        if refused is not None and not self.stores(action):
            raise refused
        secrets = self._secrets_of[action.version, action.name]
        work = Work(delivery, request, action, principal, action.arguments(request.data), retries, secrets)
        return work if refused is None else Rejected(work, refused)

    def _standing(self, delivery: Delivery, request: Request) -> tuple[int, Ticket | None]:
        """Say how many retries lie behind a request: only a ticket, which workers alone can make, is believed."""
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

    def check_turn(self, work: Work) -> None:
        """Check the deadline once more, right before a request is executed for the first time: it may have waited long.

        Raises:
            DeadlineExceeded: it is too late now.
        """
        if work.retries or work.delivery.redelivered:
            return
        if late := lateness(work.delivery.properties.headers, self._clock(), "Request's turn came"):
            raise late

    def leave_unread(self, delivery: Delivery, outcome: Outcome) -> Declined:
        """Give a delivery its outcome without reading its body."""
        if isinstance(outcome, DeadLetter) and (delivery.unreadable or foreign_reply_to(delivery.properties.reply_to)):
            outcome = DeadLetter(outcome.reason)  # nobody is told
        return Declined(delivery, _known_id(delivery), "-", outcome, self._secrets, unread=True)

    def _refuse(self, delivery: Delivery, request: Request | None, outcome: Outcome) -> Declined:
        if request is None:
            return Declined(delivery, _known_id(delivery), "-", outcome, self._secrets)
        return Declined(delivery, request.id, shown(request.name, _LONGEST_NAME), outcome, self._secrets)

    def stores(self, action: Action) -> bool:
        """Whether responses of this action are kept: those of writes, of reads by choice, never one with a secret."""
        return action.writes or (self._replay_all and not action.secret)

    def response(self, request_id: str, value: Any) -> bytes:
        """Write the response of an action that succeeded, within its transaction.

        Raises:
            ResponseTooLarge: it is larger than responses may be.
        """
        response = ok(request_id, value)
        if len(response) > self._largest_response:
            raise ResponseTooLarge(
                f"The response has {len(response)} bytes, and at most {self._largest_response} are sent; "
                "what the request changed was undone. Ask for less at once"
            )
        return response

    def context(
        self, work: Work, *, connection: C | None = None, transactions: Transactions | None = None
    ) -> Context[C, S]:
        """Make the context in which the action of a request runs."""
        return Context(
            work.request,
            work.principal,
            self._services,
            datetime.fromtimestamp(self._clock(), UTC),
            retries=work.retries,
            redelivered=work.delivery.redelivered,
            connection=connection,
            transactions=transactions,
        )

    def job(
        self, work: Work, run: Callable[[C], bytes] | None = None, *, wanted: Callable[[], bool] = always
    ) -> Job[C]:
        """Make what a lane runs: the action itself, or ``run`` in its place; see ``Job.wanted``."""
        request, action = work.request, work.action

        def run_action(connection: C) -> bytes:
            self.check_turn(work)
            context = self.context(work, connection=connection)
            return self.response(request.id, action.function(context, *work.arguments))

        asked, keyed = canonical([request.version, request.action, request.data]), bool(action.secrets)
        return Job(
            work.key,
            self._keyring.fingerprint(asked, keyed=keyed),
            request.version,
            request.action,
            self.stores(action),
            run or run_action,
            journal=work.delivery.redelivered and not action.is_async,
            other_fingerprints=self._keyring.other_fingerprints(asked, keyed=keyed),
            wanted=wanted,
            reads=not (action.writes or action.secret),
            alone=action.alone,
        )


def _largest(delivery: Delivery) -> int:
    """A worker that moved a request on wrote it anew; whoever only claims so is found out by the missing ticket."""
    moved = (delivery.properties.headers or {}).get(RETRY_COUNT, 0) != 0
    return LARGEST_REWRITTEN if moved else LARGEST_BODY


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
