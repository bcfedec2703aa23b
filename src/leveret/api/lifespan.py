"""The lifespan: what an application opens before everything else, and closes after it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from msgspec import Struct

from leveret.api.data import shown_type
from leveret.api.lookup import among, taken
from leveret.api.resources import needs_of, with_article
from leveret.api.signature import shown_function


class Lifespan(Struct, frozen=True):
    """A function whose value is ``context.services`` while the application works.

    Attributes:
        name: its module and name.
        function: returns a context manager of that value.
        needs: what it takes of what is there before it: types by the names of its parameters.
        optional: names of those that it can do without, because they have a default.
    """

    name: str
    function: Callable[..., AbstractAsyncContextManager[Any]]
    needs: Mapping[str, Any]
    optional: frozenset[str]

    def problems(self, given: Collection[Any]) -> list[str]:
        """Return a sentence for each type that it names and that is not there before it."""
        needed = [kind for name, kind in self.needs.items() if name not in self.optional]
        text = "{} wants {}, and a lifespan has only what the app itself gives"
        missing = [kind for kind in needed if among(kind, given) is None]
        return [text.format(self.name, with_article(shown_type(kind))) for kind in missing]

    def made(self, given: Mapping[Any, object]) -> AbstractAsyncContextManager[Any]:
        """Return the context manager."""
        return self.function(**taken(self.needs, given))


def lifespan_of(function: Callable[..., Any]) -> Lifespan:
    """Make a lifespan of an ``async def`` function that yields once, decorated with ``asynccontextmanager`` or not.

    Raises:
        ValueError: it does not yield, or one of its parameters has no type, or cannot be given by its name.
    """
    name = shown_function(function)
    if not inspect.isasyncgenfunction(inspect.unwrap(function)):
        raise ValueError(f"{name}: a lifespan is an async def function that yields once")
    opening = asynccontextmanager(function) if inspect.isasyncgenfunction(function) else function
    return Lifespan(name, opening, *needs_of(function, name))
