"""What can build a resource, and in which order resources are built."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NewType, Optional

import pytest

from leveret.api.resources import Resources, resource_of


class Log: ...


class Mailer: ...


class Engine: ...


ReadEngine = NewType("ReadEngine", Engine)


def log() -> Log:
    return Log()


def mailer(log: Log) -> Mailer:
    return Mailer()


async def engine(log: Log, mailer: Mailer) -> Engine:
    return Engine()


def yielding() -> Iterator[Mailer]:
    yield Mailer()


def generating() -> Generator[Mailer, None, None]:
    yield Mailer()


async def yielding_later() -> AsyncIterator[Mailer]:
    yield Mailer()


async def generating_later() -> AsyncGenerator[Mailer, None]:
    yield Mailer()


@pytest.mark.parametrize("function", [mailer, yielding, generating, yielding_later, generating_later])
def test_the_return_type_says_what_a_function_builds(function: Callable[..., Any]) -> None:
    assert resource_of(function).kind is Mailer


def silent():  # type: ignore[no-untyped-def]  # that is what is refused
    return Log()


def nothing() -> None: ...


def anything() -> Any: ...


def bare() -> Iterator:  # type: ignore[type-arg]  # that is what is refused
    yield Log()


def plain_generator() -> Log:  # type: ignore[misc]  # that is what is refused
    yield Log()


@contextmanager
def managed() -> Iterator[Log]:
    yield Log()


def untyped(mailer) -> Log:  # type: ignore[no-untyped-def]  # that is what is refused
    return Log()


def starred(*mailers: Mailer) -> Log:
    return Log()


def unknown(mailer: "Nowhere") -> Log:  # type: ignore[name-defined]  # noqa: F821 - that is what is refused
    return Log()


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (silent, r"silent: a resource says what it builds by its return type"),
        (nothing, r"nothing: a resource says what it builds"),
        (anything, r"anything: a resource says what it builds"),
        (bare, r"bare: a resource that is a generator says what it builds with Iterator\[\.\.\.\]"),
        (plain_generator, r"plain_generator: a resource that is a generator says"),
        (managed, r"managed returns .*Iterator\[.*Log\], but has no yield: leave out a @contextmanager"),
        (untyped, r"untyped: its parameter 'mailer' has no type"),
        (starred, r"starred: it takes \*mailers"),
        (unknown, r"unknown: name 'Nowhere' is not defined"),
        (Log, r"Log is a class"),
    ],
)
def test_what_cannot_be_a_resource_is_refused_at_registration(function: Callable[..., Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Resources().add(function)


def test_two_functions_that_build_the_same_type_are_refused_with_both_names() -> None:
    resources = resources_of(mailer)
    with pytest.raises(
        ValueError, match=rf"Two resources return a Mailer: {__name__}\.mailer and {__name__}\.yielding"
    ):
        resources.add(yielding)


def resources_of(*functions: Callable[..., Any]) -> Resources:
    resources = Resources()
    for function in functions:
        resources.add(function)
    return resources


def kinds(resources: Resources, *wanted: Any, given: Any = ()) -> list[Any]:
    ordered, problems = resources.ordered([("v1.act", kind) for kind in wanted], given)
    assert problems == []
    return [resource.kind for resource in ordered]


def problems_of(resources: Resources, *wanted: Any) -> list[str]:
    return resources.ordered([("v1.act", kind) for kind in wanted], ())[1]


def test_each_resource_is_built_once_and_after_those_that_it_needs() -> None:
    resources = resources_of(engine, mailer, log)
    assert kinds(resources, Engine, Log, Mailer, Engine) == [Log, Mailer, Engine]


def test_what_nobody_wants_is_not_built() -> None:
    resources = resources_of(engine, mailer, log)
    assert kinds(resources, Mailer) == [Log, Mailer]
    assert kinds(resources) == []


def test_what_is_given_is_not_built_nor_what_only_it_needs() -> None:
    resources = resources_of(engine, mailer, log)
    assert kinds(resources, Mailer, given={Mailer}) == []
    assert kinds(resources, Engine, given={Mailer}) == [Log, Engine]


def test_types_are_told_apart_by_name_where_their_class_is_the_same() -> None:
    def read_engine() -> ReadEngine:
        return ReadEngine(Engine())

    def slow_engine() -> Annotated[Engine, "slow"]:
        return Engine()

    resources = resources_of(engine, log, mailer, read_engine, slow_engine)
    assert kinds(resources, ReadEngine, Annotated[Engine, "slow"]) == [ReadEngine, Annotated[Engine, "slow"]]
    assert kinds(resources, Engine) == [Log, Mailer, Engine]


def without_hash() -> Annotated[Engine, {"speed": "slow"}]:
    return Engine()


def test_a_type_without_a_hash_is_nobodys_resource() -> None:
    with pytest.raises(ValueError, match=r"without_hash: .* has no hash, so no action could name it"):
        Resources().add(without_hash)
    (problem,) = problems_of(resources_of(log), Annotated[Engine, {"speed": "slow"}])
    assert problem.startswith("v1.act wants a")

    def optional(engine: Annotated[Engine, {"speed": "slow"}] = Engine()) -> Mailer:  # noqa: B008 - not called often
        return Mailer()

    assert kinds(resources_of(optional), Mailer) == [Mailer]


def test_a_resource_is_found_beside_none() -> None:
    def optional(log: Log | None = None) -> Mailer:
        return Mailer()

    def union(mailer: Optional["Mailer"]) -> Engine:
        return Engine()

    resources = resources_of(union, optional, log)
    assert kinds(resources, Engine | None) == [Log, Mailer, Engine]
    assert kinds(resources_of(optional), Mailer) == [Mailer], "the default stands in for it"
    assert kinds(resources, Engine | None, given={Engine}) == []
    first, second = problems_of(resources_of(union), Engine | None, Log | Mailer)
    assert "union wants a typing.Optional[" in first
    assert second.startswith("v1.act wants a "), "of two members none is meant"


def test_a_resource_that_may_be_none_is_not_the_one_that_is_there() -> None:
    def perhaps() -> Mailer | None:
        return None

    resources = resources_of(mailer, log, perhaps)
    assert kinds(resources, Mailer | None) == [Mailer | None]
    assert kinds(resources, Mailer) == [Log, Mailer]
    assert problems_of(resources_of(perhaps), Mailer) == ["v1.act wants a Mailer, and no resource returns one"]


def test_all_that_is_missing_is_said_at_once_by_whom_it_is_wanted() -> None:
    assert problems_of(resources_of(mailer), Engine, Mailer, list[Engine]) == [
        "v1.act wants an Engine, and no resource returns one",
        f"{__name__}.mailer wants a Log, and no resource returns one",
        f"v1.act wants a list[{__name__}.Engine], and no resource returns one (Engine is not data)",
    ]


def test_a_default_stands_in_for_a_resource_that_is_missing() -> None:
    default = Log()

    def optional(log: Log = default) -> Mailer:
        return Mailer()

    assert kinds(resources_of(optional), Mailer) == [Mailer]
    assert kinds(resources_of(optional, log), Mailer) == [Log, Mailer]


def test_resources_that_need_each_other_are_said_in_the_order_of_their_need() -> None:
    def a_log(engine: Engine) -> Log:
        return Log()

    def own(log: Log) -> Log:
        return log

    assert problems_of(resources_of(engine, mailer, a_log), Mailer) == [
        "Resources need each other: a Log needs an Engine, which needs a Log",
        "Resources need each other: a Mailer needs a Log, which needs an Engine, which needs a Mailer",
    ]
    assert problems_of(resources_of(own), Log) == ["Resources need each other: a Log needs a Log"]
