"""Turns a function into an action: registers it under a version and a name, and checks its input."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, Protocol, get_type_hints

import msgspec
from msgspec import Meta, Struct
from typing_extensions import TypeVar  # the standard library's has no default before Python 3.13

from leveret.auth.keyring import Principal
from leveret.errors import InvalidRequest, RequestError, UnknownAction
from leveret.wire.envelope import Request

if TYPE_CHECKING:  # a program that only registers actions, or calls them, does not load it
    import sqlalchemy as sa

LONGEST_VERSION: Final = 32
LONGEST_NAME: Final = 64
"""Characters: the lengths of the columns of ``processed_requests``."""

S = TypeVar("S", default=Any)
"""The type of what the application hands to its actions."""
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

Secret = Annotated[T, Meta(extra={"secret": True})]
"""The type of an input field that must never be written down: ``password: Secret[str]``."""


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

    __slots__ = ("_connection", "_transactions", "now", "principal", "redelivered", "request", "retries", "services")

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
    ) -> None:
        self.request = request
        self.principal = principal
        self.services = services
        self.now = now
        self.retries = retries
        self.redelivered = redelivered
        self._connection = connection
        self._transactions = transactions

    @property
    def connection(self) -> sa.Connection:
        """The connection of this request's transaction, in a ``def`` action.

        Raises:
            RuntimeError: in an ``async def`` action, which asks for a transaction with ``transaction``.
        """
        if self._connection is None:
            raise RuntimeError(f"{self.request.name} is async: it has no connection; await context.transaction(...)")
        return self._connection

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


class Action(Struct, frozen=True):
    """A registered function.

    Attributes:
        version: such as ``v1``.
        name: such as ``create_task``.
        function: ``(context)`` or ``(context, input)``; ``def`` runs in a lane, ``async def`` in the event loop.
        input: type of the input, or None for an action without one.
        writes: it has an effect, so its response is stored, and sent again when the id comes again.
        public: it may be called without a token.
        secret: its response is never stored.
        secrets: names of input fields that must never be written down.
        is_async: it runs in the event loop.
        alone: its requests do not share a transaction with others.
        output: type of what the function returns; ``Any`` where it does not say.
        description: the function's docstring, without its indentation; empty for none.
        errors: refusals that its callers have to expect, beside those that any action may answer.
    """

    version: str
    name: str
    function: Callable[..., Any]
    input: Any
    writes: bool
    public: bool
    secret: bool
    secrets: frozenset[str]
    is_async: bool
    alone: bool = False
    output: Any = Any
    description: str = ""
    errors: tuple[type[RequestError], ...] = ()

    @property
    def plain(self) -> frozenset[str]:
        """Names of the input fields that are not secret here; in another action a field of that name may be."""
        if not (isinstance(self.input, type) and issubclass(self.input, Struct)):
            return frozenset()
        return frozenset(self.input.__struct_encode_fields__) - self.secrets

    def arguments(self, data: Mapping[str, Any]) -> tuple[Any, ...]:
        """Check the input against its type, and return the arguments behind the context: none or one.

        Raises:
            InvalidRequest: it does not fit; the text says which field and why.
        """
        if self.input is None:
            return ()
        try:
            return (msgspec.convert(data, self.input),)
        except msgspec.ValidationError as error:
            raise InvalidRequest(_in_words(error)) from error


class Api(Generic[S]):
    """The actions of an application, by version and name."""

    def __init__(self) -> None:
        self._actions: dict[tuple[str, str], Action] = {}

    def action(
        self,
        version: str,
        name: str,
        *,
        writes: bool = False,
        public: bool = False,
        secret: bool = False,
        alone: bool = False,
        errors: Sequence[type[RequestError]] = (),
    ) -> Callable[[F], F]:
        """Register the decorated function.

        Args:
            version: such as ``v1``.
            name: as it stands in requests.
            writes: it has an effect; required for exactly-once. Without it, and without ``secret``, its transactions
                refuse to write.
            public: it may be called without a token.
            secret: its response holds a secret and is never stored; not together with ``writes``.
            alone: its requests do not share a transaction with others: for an action that changes a setting of its
                connection, or uses the driver's connection.
            errors: refusals that it raises and that callers have to expect: ``(NotFound, Conflict)``. For whoever reads
                the contract; any other error is answered as it is without them.

        Raises:
            ValueError: the name is taken, or the function's parameters are not ``(context)`` or ``(context, input)``;
                or version or name is empty, longer than the tables take, or holds blanks or what cannot be printed;
                or the type of its input or output is not known, or an error is not a ``RequestError``.
        """
        if writes and secret:
            raise ValueError(f"{version}.{name}: a response that is never stored cannot make a write happen once only")
        if strangers := [error for error in errors if RequestError not in error.__mro__]:
            raise ValueError(f"{version}.{name}: {strangers[0].__name__} is not a RequestError, so no caller gets it")

        def register(function: F) -> F:
            wanted, output = (
                _input_type(function, f"{version}.{name}"),
                _type_of(function, "return", f"{version}.{name}"),
            )
            secrets, is_async = _secret_fields(wanted), inspect.iscoroutinefunction(function)
            what = version, name, function, wanted, writes, public, secret, secrets, is_async, alone
            self._add(Action(*what, output, inspect.getdoc(function) or "", tuple(errors)))
            return function

        return register

    def inherit(self, version: str, *, parent: str) -> None:
        """Register every action of another version in this one, unless this one has an action of that name."""
        for action in [action for action in self if action.version == parent]:
            if (version, action.name) not in self._actions:
                self._add(msgspec.structs.replace(action, version=version))

    def find(self, version: str, name: str) -> Action:
        """Return the action.

        Raises:
            UnknownAction: no action has that version and name.
        """
        try:
            return self._actions[version, name]
        except KeyError:
            raise UnknownAction(f"Unknown action: {version}.{name}") from None

    def __iter__(self) -> Iterator[Action]:
        return iter(self._actions.values())

    def _add(self, action: Action) -> None:
        _check_name("version", action.version, LONGEST_VERSION)
        _check_name("name", action.name, LONGEST_NAME)
        key = action.version, action.name
        if key in self._actions:
            raise ValueError(f"Action {action.version}.{action.name} is registered twice")
        self._actions[key] = action


def _check_name(what: str, text: str, most: int) -> None:
    if not (0 < len(text) <= most and text.isprintable() and not any(map(str.isspace, text))):
        expected = f"1 to {most} printable characters without blanks"
        raise ValueError(f"The {what} of an action must have {expected}: {text!a} does not fit")


def _input_type(function: Callable[..., Any], name: str) -> Any:
    parameters = list(inspect.signature(function).parameters.values())
    if len(parameters) not in (1, 2):
        raise ValueError(f"{name}: an action takes (context) or (context, input), not {len(parameters)} parameters")
    if len(parameters) == 1:
        return None
    wanted = parameters[1].name
    if wanted not in _annotations(function):
        raise ValueError(f"{name}: its input {wanted!r} has no type")
    return _type_of(function, wanted, name)


def _type_of(function: Callable[..., Any], what: str, name: str) -> Any:
    """Work out one of a function's annotations; the others, such as the context's, may be unknown at run time."""
    annotations = _annotations(function)
    if what not in annotations:
        return Any
    alone = SimpleNamespace(__annotations__={what: annotations[what]})
    known = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return get_type_hints(alone, known, include_extras=True)[what]
    except NameError as error:
        raise ValueError(f"{name}: {error}, which is in the type of its {what}: import it at run time") from error


def _annotations(function: Callable[..., Any]) -> Mapping[str, Any]:
    return getattr(function, "__annotations__", {})


def _secret_fields(wanted: Any) -> frozenset[str]:
    if not (isinstance(wanted, type) and issubclass(wanted, Struct)):
        return frozenset()
    fields = msgspec.inspect.type_info(wanted)
    if not isinstance(fields, msgspec.inspect.StructType):
        return frozenset()
    return frozenset(field.encode_name for field in fields.fields if _is_secret(field.type))


def _is_secret(kind: msgspec.inspect.Type) -> bool:
    return isinstance(kind, msgspec.inspect.Metadata) and bool((kind.extra or {}).get("secret"))


def _in_words(error: msgspec.ValidationError) -> str:
    """Put the field first: ``Expected `str`, got `int` - at `$.title` `` begins with its reason."""
    reason, _, path = str(error).partition(" - at `")
    field = path.rstrip("`").removeprefix("$").removeprefix(".")
    return f"Field {field}: {reason}" if field else reason
