"""A hook around every action."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

import pytest
from msgspec import Struct

from leveret.api import Action, Api, AsyncCallNext, CallNext, Context
from leveret.api.hooks import Hooks
from leveret.errors import Forbidden
from support.contexts import context_of

caller: ContextVar[str] = ContextVar("caller")


class Guest(Struct, frozen=True):
    name: str


class Mailer: ...


MAILER = Mailer()


def bound(function: Callable[..., Any], *hooks: Any) -> Action:
    api = Api[None]()
    api.action("v1", "act")(function)
    return api.bound({Mailer: MAILER}, hooks_of(*hooks)).find("v1", "act")


def hooks_of(*hooks: Any) -> Hooks:
    found = Hooks()
    for hook in hooks:
        found = found.adding(hook)
    return found


def run(action: Action, data: dict[str, Any]) -> Any:
    return action.call(context_of("v1.act"), *action.arguments(data))


def ping(context: Context) -> tuple[Any, ...]:
    return ()


def ping_with(context: Context, *, mailer: Mailer) -> tuple[Any, ...]:
    assert mailer is MAILER
    return ()


def take(context: Context, guest: Guest) -> tuple[Any, ...]:
    return (guest,)


def take_behind(context: Context, mailer: Mailer, guest: Guest) -> tuple[Any, ...]:
    assert mailer is MAILER
    return (guest,)


def sign(context: Context, name: str, age: int = 7) -> tuple[Any, ...]:
    return name, age


def sign_before(context: Context, name: str, mailer: Mailer, age: int = 7) -> tuple[Any, ...]:
    assert mailer is MAILER
    return name, age


def sign_with(context: Context, name: str, age: int, mailer: Mailer) -> tuple[Any, ...]:
    assert mailer is MAILER
    return name, age


def sign_by_name(context: Context, mailer: Mailer, *, name: str, age: int = 7) -> tuple[Any, ...]:
    assert mailer is MAILER
    return name, age


SHAPES = [
    (ping, {}, ()),
    (ping_with, {}, ()),
    (take, {"name": "Ada"}, (Guest("Ada"),)),
    (take_behind, {"name": "Ada"}, (Guest("Ada"),)),
    (sign, {"name": "Ada"}, ("Ada", 7)),
    (sign_before, {"name": "Ada"}, ("Ada", 7)),
    (sign_with, {"name": "Ada", "age": 7}, ("Ada", 7)),
    (sign_by_name, {"name": "Ada"}, ("Ada", 7)),
]


@pytest.mark.parametrize(("function", "data", "values"), SHAPES)
def test_an_action_gets_its_input_and_its_resources_without_a_hook(
    function: Callable[..., Any], data: dict[str, Any], values: tuple[Any, ...]
) -> None:
    assert run(bound(function), data) == values


@pytest.mark.parametrize(("function", "data", "values"), SHAPES)
def test_a_hook_gets_context_and_input_and_what_it_returns_is_the_output(
    function: Callable[..., Any], data: dict[str, Any], values: tuple[Any, ...]
) -> None:
    seen: list[tuple[str, Any]] = []

    def hook(context: Context, given: Any, call_next: CallNext) -> Any:
        seen.append((context.request.name, given))
        return call_next(context, given)

    action = bound(function, hook)
    assert run(action, data) == values
    ((name, given),) = seen
    assert name == "v1.act"
    if data:
        assert {field: getattr(given, field) for field in data} == data
    else:
        assert given is None


@pytest.mark.parametrize(("function", "data", "values"), SHAPES)
async def test_an_async_hook_surrounds_async_actions_only(
    function: Callable[..., Any], data: dict[str, Any], values: tuple[Any, ...]
) -> None:
    seen: list[str] = []

    async def hook(context: Context, given: Any, call_next: AsyncCallNext) -> Any:
        seen.append("began")
        value = await call_next(context, given)
        seen.append("ended")
        return value

    def other(context: Context, given: Any, call_next: CallNext) -> Any:
        raise AssertionError

    @wraps(function)
    async def later(*given: Any, **named: Any) -> Any:
        assert seen == ["began"]
        return function(*given, **named)

    assert await run(bound(later, hook, other), data) == values
    assert seen == ["began", "ended"]
    assert run(bound(function, hook), data) == values
    assert seen == ["began", "ended"], "the hook for async def is not around def"


def test_a_hook_may_refuse_and_set_context_variables() -> None:
    def hook(context: Context, given: Any, call_next: CallNext) -> Any:
        if given.name == "Eve":
            raise Forbidden("not you")
        reset = caller.set(given.name)
        try:
            return call_next(context, given)
        finally:
            caller.reset(reset)

    def act(context: Context, guest: Guest) -> str:
        return caller.get()

    assert run(bound(act, hook), {"name": "Ada"}) == "Ada"
    assert caller.get("nobody") == "nobody"
    with pytest.raises(Forbidden):
        run(bound(act, hook), {"name": "Eve"})


def test_what_a_hook_and_its_action_set_in_their_context_is_unset_for_the_next_request() -> None:
    """All requests of a lane run in one thread, for whoever sent them."""

    def hook(context: Context, given: Any, call_next: CallNext) -> Any:
        before = caller.get("nobody")
        caller.set(given.name)
        return [before, *call_next(context, given), caller.get()]

    def act(context: Context, guest: Guest) -> list[str]:
        seen = caller.get()
        caller.set(f"{seen} in the action")
        return [seen]

    action = bound(act, hook)
    outside = caller.set("the worker")
    try:
        for name in ("Ada", "Bob"):
            assert run(action, {"name": name}) == ["the worker", name, f"{name} in the action"]
        assert caller.get() == "the worker"
    finally:
        caller.reset(outside)


@pytest.mark.parametrize("function", [ping, take, sign])
def test_without_hooks_and_resources_the_function_itself_is_called(function: Callable[..., Any]) -> None:
    async def hook(context: Context, given: Any, call_next: AsyncCallNext) -> Any: ...

    assert bound(function).call is function
    assert bound(function, hook).call is function, "a hook of the other kind costs nothing"


def test_a_hook_calls_a_function_that_takes_a_record_by_itself() -> None:
    def hook(context: Context, given: Any, call_next: CallNext) -> Any:
        assert call_next is take
        return call_next(context, given)

    assert run(bound(take, hook), {"name": "Ada"}) == (Guest("Ada"),)


def test_a_second_hook_of_one_kind_is_refused_with_both_names() -> None:
    def first(context: Context, given: Any, call_next: CallNext) -> Any: ...

    def second(context: Context, given: Any, call_next: CallNext) -> Any: ...

    async def later(context: Context, given: Any, call_next: AsyncCallNext) -> Any: ...

    with pytest.raises(ValueError, match=r"Two hooks surround def actions: .*\.first and .*\.second"):
        hooks_of(first, later, second)
    with pytest.raises(ValueError, match=r"Two hooks surround async def actions: .*\.later and .*\.later"):
        hooks_of(later, later)


def one_short(context: Context, given: Any) -> None: ...


def one_more(context: Context, given: Any, call_next: CallNext, other: int = 0) -> None: ...


def by_name(context: Context, given: Any, *, call_next: CallNext) -> None: ...


@pytest.mark.parametrize("hook", [one_short, one_more, by_name, lambda *given: given])
def test_a_hook_that_does_not_take_three_arguments_is_refused(hook: Any) -> None:
    with pytest.raises(ValueError, match=r"a hook takes \(context, input, call_next\)"):
        hooks_of(hook)
