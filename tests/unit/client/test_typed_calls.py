"""Calls that return values of a type, and calls that name an action by its function.

`make check` proves what a type checker knows of them: each ``assert_type`` names the type that it infers.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypedDict, assert_type

import msgspec
import pytest
from msgspec import Struct

from leveret import Api, Context
from leveret.client import Client
from leveret.errors import UnexpectedResult
from support.answering import AnsweringCaller, blocking

api: Api[int] = Api()


class Signature(Struct, rename="camel"):
    guest_name: str
    day: date | None = None


@dataclass
class Page:
    size: int


class Entry(Struct):
    number: int
    at: datetime


class Row(TypedDict):
    number: int


class Mailer: ...


ENTRY = Entry(7, datetime(2026, 1, 2, tzinfo=UTC))
"""What the caller of these tests answers; the body of an action does not run."""


@api.action("v2", "sign", writes=True)
def sign(context: Context[int], given: Signature) -> Entry:
    raise NotImplementedError


@api.action("v1", "entries")
async def entries(context: Context[int], given: Page) -> list[Entry]:
    raise NotImplementedError


@api.action("v1", "first")
async def first(context: Context) -> Entry | None:
    raise NotImplementedError


@api.action("v1", "count")
def count(context: Context) -> int:
    raise NotImplementedError


@api.action("v1", "forget", writes=True)
def forget(context: Context) -> None:
    raise NotImplementedError


@api.action("v1", "rows")
def rows(context: Context) -> dict[int, Row]:
    raise NotImplementedError


@api.action("v1", "anything")
def anything(context: Context) -> Any:
    raise NotImplementedError


@api.action("v1", "add", writes=True)
def add(context: Context, name: str, age: int = 0) -> Entry:
    raise NotImplementedError


@api.action("v1", "add_later", writes=True)
async def add_later(context: Context, name: str, id: str) -> list[Entry]:  # noqa: A002 - an option of calls by name
    raise NotImplementedError


def not_registered(context: Context) -> int:
    raise NotImplementedError


def answering(data: Any) -> AnsweringCaller:
    return AnsweringCaller(lambda _: data)


async def test_a_result_is_of_the_type_that_was_asked_for() -> None:
    caller = answering(ENTRY)
    assert assert_type(await caller.call("sign", {"guestName": "Ada"}, result=Entry), Entry) == ENTRY
    assert assert_type(await answering([ENTRY]).call("entries", result=list[Entry]), list[Entry]) == [ENTRY]
    assert assert_type(await answering({1: 2}).call("counts", result=dict[int, int]), dict[int, int]) == {1: 2}
    entry: Entry | None = await caller.call("sign", result=Entry | None)  # a union cannot be inferred
    assert entry == ENTRY
    assert await answering(None).call("sign", result=Entry | None) is None


async def test_a_result_without_a_type_is_the_data_as_it_came() -> None:
    assert assert_type(await answering(ENTRY).call("sign", {}), Any) == {"number": 7, "at": "2026-01-02T00:00:00Z"}


async def test_a_result_that_does_not_fit_says_which_field_and_that_the_action_was_executed() -> None:
    with pytest.raises(UnexpectedResult) as raised:
        await answering([{"number": "7", "at": ENTRY.at}]).call("entries", id="i-9", result=list[Entry])
    assert str(raised.value) == (
        "entries i-9 was executed, but its result is not of type "
        f"list[{__name__}.Entry]: Field [0].number: Expected `int`, got `str`"
    )
    assert raised.value.id == "i-9"
    assert raised.value.data == [{"number": "7", "at": "2026-01-02T00:00:00Z"}]


async def test_a_whole_result_that_does_not_fit_names_the_type() -> None:
    with pytest.raises(UnexpectedResult, match=r"not of type Entry: Expected `object`, got `array`$"):
        await answering([]).call("sign", result=Entry)


async def test_a_type_that_cannot_be_read_is_found_before_anything_is_sent() -> None:
    caller = answering(None)
    with pytest.raises(TypeError, match="more than one"):
        await caller.call("sign", result=list[int] | set[int])
    assert caller.requests == []


async def test_an_action_is_called_by_its_function() -> None:
    caller = answering(ENTRY)
    assert assert_type(await caller.call(sign, Signature("Ada", date(2026, 1, 2))), Entry) == ENTRY
    ((request, timeout),) = caller.requests
    assert (request.version, request.action, timeout) == ("v2", "sign", 10.0)
    assert request.data == {"guestName": "Ada", "day": "2026-01-02"}
    assert assert_type(await caller.call(sign, given=Signature("Ada")), Entry) == ENTRY


async def test_an_async_action_returns_what_it_returns_when_awaited() -> None:
    caller = answering([ENTRY])
    assert assert_type(await caller.call(entries, Page(3)), list[Entry]) == [ENTRY]
    assert caller.requests[0][0].data == {"size": 3}
    assert assert_type(await answering(None).call(first), Entry | None) is None


async def test_plain_parameters_are_given_as_the_function_takes_them() -> None:
    caller = answering(ENTRY)
    assert assert_type(await caller.call(add, "Ada"), Entry) == ENTRY
    assert assert_type(await caller.call(add, name="Ada", age=36), Entry) == ENTRY
    assert assert_type(await answering([ENTRY]).call(add_later, name="Ada", id="x"), list[Entry]) == [ENTRY]
    assert [request.data for request, _ in caller.requests] == [{"name": "Ada"}, {"name": "Ada", "age": 36}]
    await caller.call(add, name=3)  # type: ignore[call-overload]  # the worker refuses it
    with pytest.raises(TypeError, match=r"^v1\.add: missing a required argument: 'name'$"):
        await caller.call(add, nam="Ada")  # type: ignore[call-overload]  # what this test shows


async def test_each_kind_of_result_is_read_as_its_type() -> None:
    assert assert_type(await answering(3).call(count), int) == 3
    await assert_nothing(answering(None))
    assert assert_type(await answering({1: {"number": 2}}).call(rows), dict[int, Row]) == {1: {"number": 2}}
    assert assert_type(await answering([1]).call(anything), Any) == [1]


async def assert_nothing(caller: AnsweringCaller) -> None:
    await caller.call(forget)
    assert [request.action for request, _ in caller.requests] == ["forget"]


async def test_a_result_that_the_function_does_not_return_is_an_error() -> None:
    with pytest.raises(UnexpectedResult, match="count i-1 was executed, but its result is not of type int"):
        await answering("3").call(count)


async def test_options_of_a_call_by_function_stand_before_it() -> None:
    caller = answering(ENTRY)
    using = caller.using(token="t", id="i-2", timeout=3)
    assert assert_type(await using.call(sign, Signature("Ada")), Entry) == ENTRY
    assert assert_type(await using.using(timeout=4).call("sign", id="i-3", version="v7", result=Entry), Entry) == ENTRY
    assert [(request.auth, request.id, timeout) for request, timeout in caller.requests] == [
        ("t", "i-2", 3),
        ("t", "i-3", 4),
    ]
    assert [request.version for request, _ in caller.requests] == ["v2", "v7"]
    assert await caller.using(token="t").call(anything) is not None
    assert caller.requests[-1][1] == 10.0


def test_a_program_without_an_event_loop_calls_alike() -> None:
    caller = answering(ENTRY)
    waiting = blocking(caller)
    assert assert_type(waiting.call(sign, Signature("Ada")), Entry) == ENTRY
    assert assert_type(waiting.call("sign", result=Entry), Entry) == ENTRY
    assert assert_type(waiting.call("sign"), Any) == {"number": 7, "at": "2026-01-02T00:00:00Z"}
    assert assert_type(waiting.using(token="t", timeout=2).call(first), Entry | None) == ENTRY
    assert (caller.requests[-1][0].auth, caller.requests[-1][1]) == ("t", 2)
    assert assert_type(blocking(answering([ENTRY])).call(entries, Page(1)), list[Entry]) == [ENTRY]


async def test_arguments_that_the_function_does_not_take_are_found_before_anything_is_sent() -> None:
    caller = answering(None)
    with pytest.raises(TypeError, match=r"^v2\.sign: missing a required argument: 'given'$"):
        await caller.call(sign)  # type: ignore[call-overload]  # what this test shows
    with pytest.raises(TypeError, match=r"^v1\.count: too many positional arguments$"):
        await caller.call(count, 3)  # type: ignore[call-overload]  # what this test shows
    with pytest.raises(TypeError, match=r"^v1\.count: got an unexpected keyword argument 'token'$"):
        await caller.call(count, token="t")  # type: ignore[call-overload]  # what this test shows
    with pytest.raises(TypeError, match=r"^v1\.entries: the data of a request is an object, and int is not"):
        await caller.call(entries, 3)  # type: ignore[call-overload]  # what this test shows
    with pytest.raises(TypeError, match="unexpected keyword argument 'tokn'"):
        await caller.call("sign", {}, tokn="t")  # type: ignore[call-overload]  # what this test shows
    assert caller.requests == []


async def test_a_record_of_another_action_is_refused_by_the_type_checker() -> None:
    await answering(ENTRY).call(sign, Page(3))  # type: ignore[arg-type]  # what this test shows; the worker refuses it


async def test_a_function_that_is_not_an_action_or_is_more_than_one_is_refused() -> None:
    caller = answering(None)
    with pytest.raises(ValueError, match=r"^not_registered is not registered as an action"):
        await caller.call(not_registered)
    twice: Api[int] = Api()

    @twice.action("v1", "one")
    @twice.action("v2", "two")
    def both(context: Context) -> int:
        raise NotImplementedError

    with pytest.raises(ValueError, match=r"both is registered as v2\.two, v1\.one: call the one that is meant"):
        await caller.call(both)
    assert caller.requests == []


async def test_a_function_of_two_applications_is_one_action_when_both_name_it_alike() -> None:
    for _ in range(2):
        Api[int]().action("v1", "not_registered")(also_registered)
    assert await answering(1).call(also_registered) == 1


def also_registered(context: Context) -> int:
    raise NotImplementedError


async def test_a_callable_that_takes_no_attribute_can_be_an_action_but_is_called_by_name() -> None:
    class Slotted:
        __slots__ = ()

        def __call__(self, context: Context) -> int:
            raise NotImplementedError

    action = Slotted()
    Api[int]().action("v1", "slotted")(action)
    with pytest.raises(ValueError, match="is not registered as an action: register it, or call it by its name"):
        await answering(1).call(action)


def with_resources(context: Context[int], given: Signature, mailer: Mailer, *, other: Mailer) -> Entry:
    raise NotImplementedError


async def with_a_resource(context: Context[int], given: Page, mailer: Mailer) -> list[Entry]:
    raise NotImplementedError


async def resources_behind_a_record_are_not_given(client: Client) -> None:
    """Let the type checker see what it infers; this function does not run."""
    assert_type(await client.call(with_resources, Signature("Ada")), Entry)
    assert_type(await client.call(with_a_resource, Page(1)), list[Entry])
    await client.call(with_a_resource, Signature("Ada"))  # type: ignore[arg-type]  # it takes a Page


def test_data_of_a_record_is_what_its_type_reads() -> None:
    data = api.find("v2", "sign").data_of((Signature("Ada"),), {})
    assert msgspec.convert(data, Signature) == Signature("Ada")
