"""What a test does with an application: call its actions, look at letters and retries, let time pass."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from msgspec import Struct

from leveret.amqp import Addresses, AnyConnection, Delivery
from leveret.api import Action, Api
from leveret.auth.keyring import Keyring
from leveret.client import Client, ReceivedReply
from leveret.client.caller import DEFAULT_TIMEOUT, Caller
from leveret.client.typed import registered
from leveret.errors import NoAnswer
from leveret.letters.letter import Letter, request_id
from leveret.letters.look import MOST_LETTERS, look
from leveret.letters.redrive import NotRedrivable, Redriver
from leveret.letters.walk import Decision, Keep, Send, walk
from leveret.process.durations import parse_duration
from leveret.testing.chosen_broker import ChosenBroker
from leveret.testing.ledger import LIMIT, Ledger, WaitingRetry
from leveret.topology import Topology
from leveret.wire.ids import new_id

T = TypeVar("T")

TOKEN_LIFE: Final = timedelta(hours=1)
"""How long the tokens of ``as_user`` live."""


class Setup(Struct, frozen=True):
    """What stands around a test client while its test runs.

    Attributes:
        broker: the broker, and the time there.
        ledger: how far each request is.
        api: the application's actions.
        topology: names at the broker.
        keyring: makes tokens that the worker believes.
        redriver: sends letters again.
        engine: of the worker's database.
        raise_errors: whether what an action raises is raised in the test.
    """

    broker: ChosenBroker
    ledger: Ledger
    api: Api[Any]
    topology: Topology
    keyring: Keyring
    redriver: Redriver
    engine: sa.Engine
    raise_errors: bool


class AsyncTestClient(Caller):
    """Calls an application's actions in its tests: what ``async with TestClient(app)`` returns.

    ``call`` and ``ask`` are those of `leveret.Client`, as its arguments and errors are.

    Args:
        client: a connected client.
        setup: what stands around it.
        token: of the caller, where a call does not have its own; empty for none.
    """

    __test__ = False  # pytest would take it for a class of tests

    def __init__(self, client: Client, setup: Setup, token: str = "") -> None:
        self._client = client
        self._setup = setup
        self._token = token

    @property
    def engine(self) -> sa.Engine:
        """An engine of the worker's database, to look into its tables or to prepare rows.

        On SQLite, reading with it does not lock anything. A transaction that has written keeps the worker waiting until
        it is committed: end it before the next call.
        """
        return self._setup.engine

    def as_user(self, subject: str, *, life: timedelta = TOKEN_LIFE) -> AsyncTestClient:
        """Return a client whose calls have a token of this caller, made with the application's keys.

        Args:
            subject: the caller, as ``context.principal.subject``.
            life: how long the token lives.
        """
        return AsyncTestClient(self._client, self._setup, self._setup.keyring.issue(subject, life))

    def _action(self, function: Any) -> Action:
        found = registered(function)  # another application that includes its group may know other resources
        return self._setup.api.find(found.version, found.name)

    async def ask(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - as in `Caller.ask`
        timeout: float = DEFAULT_TIMEOUT,
    ) -> ReceivedReply:
        """Call an action as ``call`` does, but return the whole reply and its bytes, also when it is an error.

        Raises:
            Overloaded, NotSent, NoAnswer, IdReused: as `leveret.Client.call`.
            Exception: with ``raise_errors``, whatever the action raised.
        """
        send = partial(self._client.ask, action, data, version=version, token=self._or_own(token), timeout=timeout)
        return await self._noted(id, send)

    async def send(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - as in `Caller.ask`
        timeout: float = DEFAULT_TIMEOUT,
    ) -> str:
        """Send a request without waiting for a reply; return its id once the broker has accepted it.

        ``settled`` waits until it has been carried out.

        Raises:
            Overloaded, NotSent, NoAnswer, IdReused: as `leveret.Client.send`.
        """
        send = partial(self._client.send, action, data, version=version, token=self._or_own(token), timeout=timeout)
        return await self._noted(id, send, waits=False)

    async def settled(self) -> None:
        """Wait until everything that this client sent is carried out, but for what waits in retry queues.

        Raises:
            TimeoutError: something is still under way after ten seconds; the text says what.
            Exception: with ``raise_errors``, what was raised in an action for which no call waited; an ExceptionGroup
                if that happened more than once.
        """
        ledger = self._setup.ledger
        await ledger.settled()
        if self._setup.raise_errors:
            ledger.raise_unseen()

    async def advance(self, duration: str | timedelta) -> None:
        """Let time pass, and wait until everything that has become due meanwhile is carried out.

        In memory nobody waits: the clock is moved, from one moment at which something is due to the next. That moves
        retries and expirations at the broker, deadlines and timeouts of calls, the expiry of tokens, windows of rate
        limits, times in letters and ``context.now``; and ``now`` in SQL, on SQLite. It does not move the clock of
        PostgreSQL, ``time.time()`` and ``asyncio.sleep()`` in your own code, how long an ``async def`` action may take
        (its ``timeout=``, or 60 seconds), and the worker's pauses when the database does not answer.

        With ``real=True`` it waits as long as it says, and as long as the requests themselves take.

        Args:
            duration: such as ``300ms``, ``5s``, ``2m``, ``1h``.

        Raises:
            ValueError: the text is not a duration, or the duration is negative.
            TimeoutError, Exception: as `settled`; an action's errors are raised when all of the time has passed.
        """
        broker, ledger = self._setup.broker, self._setup.ledger
        left = (parse_duration(duration) if isinstance(duration, str) else duration).total_seconds()
        if left < 0:
            raise ValueError(f"{duration} is negative, and time does not go back")
        await ledger.settled()
        while (moment := self._next_due()) is not None and (step := moment - broker.clock.steady()) <= left:
            left -= max(step, 0.0)  # what the requests themselves take does not count
            await broker.wait(max(step, 0.0))
            await ledger.settled()
        await broker.wait(left)
        await self.settled()

    async def retries(self) -> list[WaitingRetry]:
        """Return the requests that wait for a retry now, the next one first."""
        return self._setup.ledger.retries()

    async def letters(self) -> list[Letter]:
        """Return the dead letters, oldest first; they stay where they are.

        With ``raise_errors``, `settled` or the end of the block raises what these requests have failed with.
        """
        await self._setup.ledger.settled()
        return await self._with_connection(lambda connection: look(connection, self._setup.topology, MOST_LETTERS))

    async def redrive(self, *ids: str) -> int:
        """Send the requests of dead letters again, and wait until they are carried out; return how many were sent.

        Args:
            ids: of the requests; without one, all of them.

        Raises:
            NotRedrivable: one of the letters cannot be sent again; the text says why.
        """
        sent: list[str] = []

        def decide(delivery: Delivery) -> Decision:
            found = request_id(delivery) or ""
            if ids and found not in ids:
                return Keep()
            try:
                message = self._setup.redriver.message(delivery, named=found in ids)
            except NotRedrivable as error:
                return Keep(str(error))
            self._setup.ledger.expect(found)
            return Send(message)

        def tell(delivery: Delivery, decision: Decision) -> None:
            found = request_id(delivery) or ""
            if isinstance(decision, Keep):
                self._setup.ledger.forget(found)
                refused.append(decision.why)
            else:
                sent.append(found)

        refused: list[str] = []
        await self._setup.ledger.settled()
        await self._with_connection(lambda connection: walk(connection, self._setup.topology, decide, tell))
        await self._setup.ledger.settled()
        if refused:
            raise NotRedrivable(refused[0])
        return len(sent)

    async def cut_connections(self) -> None:
        """End all connections to the broker in memory, as the loss of a network does; what is not acked comes again.

        Raises:
            RuntimeError: with ``real=True``.
        """
        if self._setup.broker.cut is None:
            raise RuntimeError("only connections to the broker in memory can be cut")
        self._setup.broker.cut()

    def _next_due(self) -> float | None:
        moment = self._setup.broker.next_due()
        return self._setup.ledger.next_due() if moment is None else moment

    def _or_own(self, token: str | None) -> str | None:
        return self._token or None if token is None else token

    async def _noted(self, given_id: str | None, send: Callable[..., Awaitable[T]], *, waits: bool = True) -> T:
        """Send a request and note it, so that `settled` knows of it."""
        request_id, ledger = new_id() if given_id is None else given_id, self._setup.ledger
        ledger.expect(request_id)
        try:
            if waits and self._setup.raise_errors:
                return await _unless_raised(ledger, request_id, asyncio.ensure_future(send(id=request_id)))
            return await send(id=request_id)
        except NoAnswer:  # it may still be carried out
            raise
        except BaseException:
            ledger.forget(request_id)
            raise

    async def _with_connection(self, work: Callable[[AnyConnection], Awaitable[T]]) -> T:
        broker = self._setup.broker
        connection = await broker.connect(Addresses.of(broker.address), name="test")
        try:
            return await work(connection)
        finally:
            await connection.close()


async def _unless_raised(ledger: Ledger, request_id: str, sending: asyncio.Future[T]) -> T:
    """Return the reply; raise what the action raised as soon as its attempt has failed."""
    with ledger.watching(request_id) as watched:
        try:
            await asyncio.wait((sending, watched), return_when=asyncio.FIRST_COMPLETED)
            if ledger.has_raised(request_id):  # the reply came before the request was settled
                await asyncio.wait((watched,), timeout=LIMIT)
            if watched.done() and (error := watched.result()) is not None:
                raise error
            return await sending
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
