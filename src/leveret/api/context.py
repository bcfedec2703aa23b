"""What an action may know about the request that it carries out, and how it reaches the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Protocol

from typing_extensions import TypeVar  # the standard library's has no default before Python 3.13

from leveret.api.event import LARGEST_EVENT, LONGEST_EVENT_SUBJECT, Event, KeptEvent, ReadableEvents, check_type
from leveret.auth.keyring import Principal
from leveret.wire.codec import encode_json
from leveret.wire.envelope import Request

if TYPE_CHECKING:  # a program that only registers actions, or calls them, does not load it
    import sqlalchemy as sa

S = TypeVar("S", default=Any)
"""The type of what the application hands to its actions."""
T = TypeVar("T")


class Transactions(Protocol):
    """Runs a function in a transaction; ``Context.transaction`` of an ``async def`` action calls it."""

    def __call__(self, function: Callable[..., T], *arguments: Any) -> Awaitable[T]:
        """Return what ``function(connection, *arguments)`` returns, when the transaction is committed."""
        ...


class Context(Generic[S]):
    """What an action may know about the request that it carries out.

    Attributes:
        request: the request itself.
        principal: the verified caller; ``ANONYMOUS`` in a public action.
        services: what the application handed to the worker.
        now: when this attempt began, in UTC.
        retries: how many retries came before this attempt.
        redelivered: an earlier delivery was not settled; its worker may have died.
    """

    __slots__ = (
        "_connection",
        "_event_reader",
        "_keep_event",
        "_transactions",
        "now",
        "principal",
        "redelivered",
        "request",
        "retries",
        "services",
    )

    def __init__(
        self,
        request: Request,
        principal: Principal,
        services: S,
        now: datetime,
        *,
        retries: int = 0,
        redelivered: bool = False,
        connection: sa.Connection | None = None,
        transactions: Transactions | None = None,
        keep_event: Callable[[sa.Connection, KeptEvent], None] | None = None,
        event_reader: ReadableEvents | None = None,
    ) -> None:
        self.request = request
        self.principal = principal
        self.services = services
        self.now = now
        self.retries = retries
        self.redelivered = redelivered
        self._connection = connection
        self._transactions = transactions
        self._keep_event = keep_event
        self._event_reader = event_reader

    @property
    def connection(self) -> sa.Connection:
        """The connection of this request's transaction, in a ``def`` action.

        Raises:
            RuntimeError: in an ``async def`` action, which asks for a transaction with ``transaction``.
        """
        if self._connection is None:
            raise RuntimeError(f"{self.request.name} is async: it has no connection; await context.transaction(...)")
        return self._connection

    @property
    def event_reader(self) -> ReadableEvents:
        """Reads events, for the framework's own actions.

        Raises:
            RuntimeError: no worker carries the request out.
        """
        if self._event_reader is None:
            raise RuntimeError(f"{self.request.name}: no worker carries this request out, so nothing reads events")
        return self._event_reader

    async def transaction(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run ``function(connection, *arguments)`` in a transaction, in an ``async def`` action.

        In an action that writes, the function returns the action's response, which is stored in this transaction. Such
        an action therefore calls this once, and returns what it got.

        Raises:
            RuntimeError: in a ``def`` action, which runs in its transaction already.
        """
        if self._transactions is None:
            raise RuntimeError(f"{self.request.name} is not async: it runs in its transaction already")
        return await self._transactions(function, *arguments)

    def add_event(self, event: Event, *, connection: sa.Connection | None = None) -> None:
        """Store an event with what this request changes: both are committed, or neither.

        A request that is executed once has its events once: its repetitions add none. They are kept as long as
        responses are.

        Args:
            event: what happened, and whom to tell.
            connection: the one that the function of ``transaction`` got, in an ``async def`` action.

        Raises:
            RuntimeError: in an ``async def`` action without a connection.
            ValueError: it is for nobody, because the action is public and the event names no principal; its type is not
                two or more words of small letters with dots between them; or a part of it is too large.
            TypeError: its data cannot be written as JSON.
        """
        check_type(event.type)
        if len(event.subject) > LONGEST_EVENT_SUBJECT or "\0" in event.subject:
            raise ValueError(f"{event.type}: a subject has up to {LONGEST_EVENT_SUBJECT} characters, and no NUL")
        if self._keep_event is None:
            raise RuntimeError(f"{self.request.name}: no worker carries this request out, so nothing stores its events")
        principal = event.principal or self.principal.subject
        if not principal:
            raise ValueError(f"{self.request.name}: {event.type} is for nobody: name a principal in the event")
        data = encode_json(event.data)
        if len(data) > LARGEST_EVENT:
            raise ValueError(f"{event.type}: the data has {len(data)} bytes, and at most {LARGEST_EVENT} are stored")
        kept = KeptEvent(principal, event.type, event.subject, data.decode(), self.request.id)
        self._keep_event(self.connection if connection is None else connection, kept)
