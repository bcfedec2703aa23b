"""Builds resources one after the other, and closes them in reverse, whatever happens meanwhile."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Final

from leveret.api.data import shown_type
from leveret.api.lookup import taken
from leveret.api.resources import Resource, with_article
from leveret.errors import NotClosed

logger: Final = logging.getLogger("leveret.api")

Closer = tuple[str, Callable[[], Awaitable[object]]]
"""What is closed, in words, and how."""


class Openings:
    """What is open: the last one is closed first."""

    def __init__(self) -> None:
        self._closers: list[Closer] = []

    async def enter(self, name: str, manager: AbstractAsyncContextManager[Any]) -> Any:
        """Enter a context manager and return its value; it is not told later why it is closed."""
        value = await manager.__aenter__()
        self._closers.append((name, partial(manager.__aexit__, None, None, None)))
        return value

    async def build(self, resource: Resource, instances: Mapping[Any, object]) -> object:
        """Return what a resource's function builds from others."""
        needs = taken(resource.needs, instances)
        try:
            return await self._built(resource, needs)
        except BaseException as error:
            error.add_note(f"{resource.name} was building {with_article(shown_type(resource.kind))}")
            raise

    async def _built(self, resource: Resource, needs: Mapping[str, object]) -> object:
        function, name = resource.function, resource.name
        made = function(**needs)
        if inspect.iscoroutinefunction(function):
            return await made
        try:
            if inspect.isgeneratorfunction(function):
                value = next(made)
                self._closers.append((name, partial(_finish, name, made)))
                return value
            if inspect.isasyncgenfunction(function):
                value = await anext(made)
                self._closers.append((name, partial(_finish_async, name, made)))
                return value
        except (StopIteration, StopAsyncIteration):
            raise RuntimeError(f"{name} has not yielded") from None
        return made

    async def close(self) -> dict[str, BaseException]:
        """Close everything, and return what was raised; an error does not keep the others from being closed."""
        errors: dict[str, BaseException] = {}
        while self._closers:
            name, closer = self._closers.pop()
            try:
                await closer()
            except BaseException as error:
                logger.exception("%s could not be closed", name)
                errors[name] = error
        return errors


@asynccontextmanager
async def opened(
    ordered: Iterable[Resource], given: Mapping[Any, object], lifespan: AbstractAsyncContextManager[Any] | None
) -> AsyncIterator[tuple[Any, Mapping[Any, object]]]:
    """Open a lifespan and build resources; yield the lifespan's value, and the instances by their types.

    Args:
        ordered: the resources, each after those that it needs.
        given: instances that are there already; they are not closed here.
        lifespan: opened before the resources, and closed after them.

    Raises:
        NotClosed: some of them could not be closed, and nothing else was raised.
    """
    openings, instances, services = Openings(), dict(given), None
    try:
        if lifespan is not None:
            services = await openings.enter("the lifespan", lifespan)
        for resource in ordered:
            instances[resource.kind] = await openings.build(resource, instances)
        yield services, instances
    except BaseException:
        await openings.close()  # what it was closed for matters more than what failed meanwhile, which is in the log
        raise
    if errors := await openings.close():
        raise _of_all(errors) from next(iter(errors.values()))


def _of_all(errors: Mapping[str, BaseException]) -> BaseException:
    """Return what stands for several errors: one that ends a task or the process stands for itself."""
    usual = {name: error for name, error in errors.items() if isinstance(error, Exception)}
    if len(usual) < len(errors):
        return next(error for error in errors.values() if not isinstance(error, Exception))
    return NotClosed(usual)


async def _finish(name: str, generator: Generator[Any, None, None]) -> None:
    for _ in generator:
        generator.close()
        raise RuntimeError(f"{name} has yielded twice")


async def _finish_async(name: str, generator: AsyncGenerator[Any, None]) -> None:
    async for _ in generator:
        await generator.aclose()
        raise RuntimeError(f"{name} has yielded twice")
