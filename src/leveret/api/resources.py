"""Resources: what functions build by type, once for a worker process, for the actions that name the type."""

from __future__ import annotations

import inspect
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Collection,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from typing import Any, Final, get_args, get_origin

from msgspec import Struct

from leveret.api.data import is_own, shown_type, why_not_read
from leveret.api.lookup import among
from leveret.api.signature import shown_function, type_of, typed

Want = tuple[str, Any]
"""Who wants a resource, in words, and its type."""

_SYNC: Final = (Iterator, Generator, Iterable)
_ASYNC: Final = (AsyncIterator, AsyncGenerator, AsyncIterable)
_NOTHING: Final = (Any, None, type(None), object)


class Resource(Struct, frozen=True):
    """A function that builds a resource.

    Attributes:
        kind: the type of what it builds.
        function: the function; a generator yields the resource, and closes it when it goes on.
        needs: the other resources that it takes: their types by the names of its parameters.
        optional: names of those that it can do without, because they have a default.
    """

    kind: Any
    function: Callable[..., Any]
    needs: Mapping[str, Any]
    optional: frozenset[str]

    @property
    def name(self) -> str:
        """The function's module and name."""
        return shown_function(self.function)


class Resources:
    """The functions that build resources, by the type that each of them builds."""

    def __init__(self) -> None:
        self._by_kind: dict[Any, Resource] = {}

    @property
    def kinds(self) -> frozenset[Any]:
        """The types of all resources."""
        return frozenset(self._by_kind)

    def add(self, function: Callable[..., Any]) -> None:
        """Register a function that builds what its return type says.

        Raises:
            ValueError: it does not say what it builds, or that is data of no class of one's own, such as ``str``;
                another function builds that type; or one of its parameters has no type, or cannot be given by its
                name.
        """
        resource = resource_of(function)
        if before := self._by_kind.get(resource.kind):
            kind = shown_type(resource.kind)
            raise ValueError(f"Two resources return {with_article(kind)}: {before.name} and {resource.name}")
        self._by_kind[resource.kind] = resource

    def ordered(self, wants: Iterable[Want], given: Collection[Any]) -> tuple[list[Resource], list[str]]:
        """Return what has to be built, each after those that it needs, and a sentence for each problem.

        A problem is a type that is wanted and that no function returns, or a circle of resources that need each other.

        Args:
            wants: what is wanted, and by whom.
            given: types of what is there already.
        """
        search = _Search(self._by_kind, given)
        for who, kind in wants:
            search.visit(kind, who, ())
        return search.order, search.problems


class _Search:
    """Finds what has to be built, depth first."""

    def __init__(self, by_kind: Mapping[Any, Resource], given: Collection[Any]) -> None:
        self.order: list[Resource] = []
        self.problems: list[str] = []
        self._by_kind = by_kind
        self._seen = set(given)
        self._known = by_kind.keys() | self._seen

    def visit(self, wanted: Any, who: str, path: tuple[Any, ...]) -> None:
        """Look for a resource and for all that it needs; ``path`` are those that need it, from the outermost one."""
        kind = among(wanted, self._known)
        if kind is None:
            self.problems.append(missing(who, wanted))
        elif kind in path:
            self.problems.append(_circle(path[path.index(kind) :]))
        elif kind not in self._seen:
            found = self._by_kind[kind]
            for name, needed in found.needs.items():
                if name not in found.optional or among(needed, self._known) is not None:
                    self.visit(needed, found.name, (*path, kind))
            self._seen.add(kind)
            self.order.append(found)


def resource_of(function: Callable[..., Any]) -> Resource:
    """Make a resource of a function.

    Raises:
        ValueError: as `Resources.add`.
    """
    name = shown_function(function)
    if inspect.isclass(function):
        raise ValueError(f"{name} is a class: a resource is a function whose return type is what it builds")
    needs, optional = needs_of(function, name)
    return Resource(_kind_of(function, name), function, needs, optional)


def needs_of(function: Callable[..., Any], name: str) -> tuple[Mapping[str, Any], frozenset[str]]:
    """Return what a function takes: types by the names of its parameters, and the names of those with a default.

    Raises:
        ValueError: a parameter has no type, or cannot be given by its name.
    """
    parameters = typed(function, list(inspect.signature(function).parameters.values()), name)
    optional = [parameter.name for parameter in parameters if parameter.default is not parameter.empty]
    return {parameter.name: parameter.annotation for parameter in parameters}, frozenset(optional)


def missing(who: str, kind: Any) -> str:
    """Return the sentence about a resource that is missing."""
    reason = why_not_read(kind)
    held = f" ({reason})" if reason and reason != f"{shown_type(kind)} is not data" else ""
    return f"{who} wants {with_article(shown_type(kind))}, and no resource returns one{held}"


def with_article(kind: str) -> str:
    """Return the name of a type with its article."""
    return f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}"


def _kind_of(function: Callable[..., Any], name: str) -> Any:
    returned = type_of(function, "return", name)
    is_generator = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
    wrappers = _ASYNC if inspect.isasyncgenfunction(function) else _SYNC
    if is_generator and not (get_origin(returned) in wrappers and get_args(returned)):
        expected = f"{wrappers[0].__name__}[...]"
        raise ValueError(f"{name}: a resource that is a generator says what it builds with {expected}")
    if not is_generator and get_origin(returned) in (*_SYNC, *_ASYNC):
        raise ValueError(f"{name} returns {shown_type(returned)}, but has no yield: leave out a @contextmanager")
    kind = get_args(returned)[0] if is_generator else returned
    if kind in _NOTHING:
        raise ValueError(f"{name}: a resource says what it builds by its return type, which is one of your own")
    if not (why_not_read(kind) or is_own(kind)):
        shown = shown_type(kind)
        raise ValueError(
            f"{name} returns {with_article(shown)}, which would take the place of every {shown} that callers send: "
            "return a class of your own, or a NewType"
        )
    try:
        hash(kind)
    except TypeError as error:
        raise ValueError(f"{name}: {shown_type(kind)} has no hash, so no action could name it") from error
    return kind


def _circle(kinds: tuple[Any, ...]) -> str:
    first, *others = map(with_article, map(shown_type, (*kinds, kinds[0])))
    return f"Resources need each other: {first} needs {', which needs '.join(others)}"
