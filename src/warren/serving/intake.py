"""From a delivery to work, or to an outcome: decode, check, find the action, authenticate. No I/O."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from warren.actions import Action, Api, Context, Transactions
from warren.amqp import Delivery
from warren.auth import ANONYMOUS, Keyring, Principal, Ticket, is_ticket
from warren.codec import LARGEST_BODY, LARGEST_REWRITTEN, canonical, decode_request, ok, refusal
from warren.envelope import DEADLINE, DEATHS, RETRY_COUNT, Request
from warren.errors import DeadlineExceeded, InvalidRequest, RequestError
from warren.inbox import Job
from warren.outcome import Answer, DeadLetter, Outcome
from warren.serving.reply_queues import foreign_reply_to
from warren.store import Key

C = TypeVar("C")
S = TypeVar("S")

_PLAIN_ENCODINGS: Final = (None, "", "utf-8", "UTF-8", "identity")


class Work(Struct, frozen=True):
    """A delivery that is a request, checked and ready to run.

    Attributes:
        delivery: as it came.
        request: what its body says.
        action: what it asks for.
        principal: who asks.
        arguments: the checked input, none or one.
        retries: retries that lie behind this attempt.
    """

    delivery: Delivery
    request: Request
    action: Action
    principal: Principal
    arguments: tuple[Any, ...]
    retries: int

    @property
    def key(self) -> Key:
        """What its idempotency row is found by."""
        return Key(self.principal.subject, self.request.id)


class Declined(Struct, frozen=True):
    """A delivery that is not executed.

    Attributes:
        delivery: as it came.
        id: the request's id, or what is known of it; for the log and the reply.
        name: version and action, or ``-``.
        outcome: an answer where somebody waits, otherwise a dead letter.
        secrets: names of fields that must not be written down.
    """

    delivery: Delivery
    id: str
    name: str
    outcome: Outcome
    secrets: frozenset[str] = frozenset()


class Intake(Generic[C, S]):
    """Reads deliveries for one API.

    Args:
        api: the actions.
        keyring: verifies tokens and tickets.
        services: handed to the actions.
        replay_all: store the responses of reads too.
        clock: POSIX time in seconds.
    """

    def __init__(
        self,
        api: Api[C, S],
        keyring: Keyring,
        services: S,
        *,
        replay_all: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._keyring = keyring
        self._services = services
        self._replay_all = replay_all
        self._clock = clock
        self._secrets = frozenset(name for action in api for name in action.secrets)

    def take(self, delivery: Delivery) -> Work | Declined:
        """Check a delivery; never raises, whatever the message holds."""
        request: Request | None = None
        try:
            if foreign := foreign_reply_to(delivery.properties.reply_to):
                return self._refuse(delivery, None, DeadLetter(foreign))
            _check_encoding(delivery)
            request = decode_request(delivery.body, _largest(delivery))
            return self._accept(delivery, request)
        except RequestError as error:
            request_id = request.id if request else _known_id(delivery)
            if delivery.properties.reply_to:
                return self._refuse(delivery, request, Answer(refusal(request_id, error), error.code))
            return self._refuse(delivery, request, DeadLetter(f"{error.code}: {error}"))

    def _accept(self, delivery: Delivery, request: Request) -> Work:
        retries, ticket = self._standing(delivery, request)
        if not (retries or delivery.redelivered):
            self._check_deadline(delivery)
        action = self._api.find(request.version, request.action)
        if ticket:
            principal = ticket.principal
        elif action.public:
            principal = ANONYMOUS
        else:
            principal = self._keyring.verify(request.auth)
        return Work(delivery, request, action, principal, action.arguments(request.data), retries)

    def _standing(self, delivery: Delivery, request: Request) -> tuple[int, Ticket | None]:
        """Say how many retries lie behind a request: only a ticket, which workers alone can make, is believed."""
        headers = delivery.properties.headers or {}
        counted = headers.get(RETRY_COUNT, 0)
        if is_ticket(request.auth):
            ticket = self._keyring.read_ticket(request.auth, request.id)
            if ticket.retries == counted:
                return ticket.retries, ticket
            raise InvalidRequest(f"Header {RETRY_COUNT} does not fit the request's ticket")
        for header, forged in ((RETRY_COUNT, counted != 0), (DEATHS, DEATHS in headers)):
            if forged:
                raise InvalidRequest(f"Header {header} is not for callers: leave it out")
        return 0, None

    def _check_deadline(self, delivery: Delivery) -> None:
        deadline = (delivery.properties.headers or {}).get(DEADLINE)
        if deadline is None:
            return
        if type(deadline) is not int:
            raise InvalidRequest(f"Header {DEADLINE}: expected POSIX milliseconds as a whole number")
        late = self._clock() * 1000 - deadline
        if late > 0:
            raise DeadlineExceeded(f"Request arrived {late:.0f} ms after its deadline; it was not executed")

    def _refuse(self, delivery: Delivery, request: Request | None, outcome: Outcome) -> Declined:
        if request is None:
            return Declined(delivery, _known_id(delivery), "-", outcome, self._secrets)
        return Declined(delivery, request.id, request.name, outcome, self._secrets)

    def stores(self, action: Action) -> bool:
        """Whether responses of this action are kept: those of writes, of reads by choice, never one with a secret."""
        return action.writes or (self._replay_all and not action.secret)

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

    def job(self, work: Work, run: Callable[[C], bytes] | None = None) -> Job[C]:
        """Make what a lane runs: the action itself, or ``run`` in its place."""
        request, action = work.request, work.action

        def run_action(connection: C) -> bytes:
            context = self.context(work, connection=connection)
            return ok(request.id, action.function(context, *work.arguments))

        return Job(
            work.key,
            self._keyring.fingerprint(
                canonical([request.version, request.action, request.data]), keyed=bool(action.secrets)
            ),
            request.version,
            request.action,
            self.stores(action),
            run or run_action,
            datetime.fromtimestamp(self._clock(), UTC),
            journal=work.delivery.redelivered and not action.is_async,
        )


def _largest(delivery: Delivery) -> int:
    """A worker that moved a request on wrote it anew; whoever only claims so is found out by the missing ticket."""
    return LARGEST_REWRITTEN if RETRY_COUNT in (delivery.properties.headers or {}) else LARGEST_BODY


def _check_encoding(delivery: Delivery) -> None:
    encoding = delivery.properties.content_encoding
    if encoding not in _PLAIN_ENCODINGS:
        raise InvalidRequest(f"content_encoding {encoding!r} is not supported: send plain UTF-8 JSON")


def _known_id(delivery: Delivery) -> str:
    """Name a message whose body says no usable id: by its correlation_id, as far as that is printable."""
    given = delivery.properties.correlation_id or ""
    return "".join(character if " " <= character <= "~" else "?" for character in given[:128])
