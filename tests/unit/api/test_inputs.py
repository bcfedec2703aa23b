"""What a signature makes of a request's data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypedDict

import pytest
from msgspec import Meta, Struct

from leveret.api import Context
from leveret.errors import InvalidRequest
from support.contexts import context_of, registered


class Guest(Struct, frozen=True):
    name: str
    age: int = 0


class Point(NamedTuple):
    x: int
    y: int


class Pair(Struct, array_like=True):
    x: int
    y: int


@dataclass
class Ticket:
    seat: int


class Row(TypedDict):
    number: int


class Cat(Struct, tag="cat"):
    lives: int


class Dog(Struct, tag="dog"):
    tail: bool


class Mailer:
    """Not data."""


def called(function: Callable[..., Any], data: Mapping[str, Any]) -> Any:
    """Register a function, and call it as a worker does."""
    action = registered(function)
    return action.call(context_of(action.full_name), *action.arguments(data))


def test_plain_parameters_are_the_fields_of_the_input() -> None:
    def sign(context: Context, name: str, age: int = 7, *, note: str = "none") -> tuple[str, int, str]:
        return name, age, note

    assert called(sign, {"name": "Ada"}) == ("Ada", 7, "none")
    assert called(sign, {"note": "x", "age": 3, "name": "Ada"}) == ("Ada", 3, "x")


def test_fields_by_position_and_fields_by_name_only_may_stand_in_any_order() -> None:
    def by_name(context: Context, *, late: int = 1, early: str) -> tuple[str, int]:
        return early, late

    def by_position(context: Context, early: str, late: int = 1) -> tuple[str, int]:
        return early, late

    assert called(by_name, {"early": "x"}) == called(by_position, {"early": "x"}) == ("x", 1)
    assert called(by_name, {"late": 2, "early": "x"}) == called(by_position, {"late": 2, "early": "x"}) == ("x", 2)


def test_the_function_is_called_by_itself_when_its_fields_stand_in_their_order() -> None:
    def sign(context: Context, name: str, age: int = 0) -> None: ...

    def take(context: Context, guest: Guest) -> None: ...

    def ping(context: Context) -> None: ...

    assert registered(sign).call is sign
    assert registered(take).call is take
    assert registered(ping).call is ping


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"name": 1}, "Field name: Expected `str`, got `int`"),
        ({"name": "Ada", "age": "old"}, "Field age: Expected `int`, got `str`"),
        ({"name": "Ada", "age": -1}, "Field age: Expected `int` >= 0"),
        ({"name": "Ada", "guest": {"name": 2}}, "Field guest.name: Expected `str`, got `int`"),
        ({"age": 1}, "Object missing required field `name`"),
    ],
)
def test_plain_parameters_that_do_not_fit_are_named(data: dict[str, Any], text: str) -> None:
    def sign(context: Context, name: str, age: Annotated[int, Meta(ge=0)] = 0, guest: Guest | None = None) -> None: ...

    with pytest.raises(InvalidRequest) as caught:
        called(sign, data)
    assert caught.value.text == text


def test_fields_that_no_parameter_takes_are_left_aside_as_with_records() -> None:
    def sign(context: Context, name: str, age: int = 0) -> Guest:
        return Guest(name, age)

    def take(context: Context, guest: Guest) -> Guest:
        return guest

    data = {"name": "Ada", "unknown": 1}
    assert called(sign, data) == called(take, data) == Guest("Ada")


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        (Guest, {"name": "Ada"}, Guest("Ada")),
        (Annotated[Guest, Meta(description="who")], {"name": "Ada"}, Guest("Ada")),
        (Ticket, {"seat": 3}, Ticket(3)),
        (Row, {"number": 4}, {"number": 4}),
        (Cat | Dog, {"type": "dog", "tail": True}, Dog(tail=True)),
    ],
)
def test_one_record_is_the_input_itself(kind: Any, data: dict[str, Any], value: Any) -> None:
    def take(context: Context, given: Any) -> Any:
        return given

    def take_by_name(context: Context, *, given: Any) -> Any:
        return given

    take.__annotations__["given"] = take_by_name.__annotations__["given"] = kind
    assert called(take, data) == called(take_by_name, data) == value
    assert registered(take).input == kind


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        (str, "x", "x"),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (Any, [1], [1]),
        (Guest | None, None, None),
        (list[Guest], [{"name": "Ada"}], [Guest("Ada")]),
        (Point, [1, 2], Point(1, 2)),
        (Pair, [1, 2], Pair(1, 2)),
    ],
)
def test_one_parameter_that_is_not_read_from_an_object_is_a_field(kind: Any, data: Any, value: Any) -> None:
    def take(context: Context, given: Any) -> Any:
        return given

    take.__annotations__["given"] = kind
    assert called(take, {"given": data}) == value


def test_two_records_are_two_fields() -> None:
    def take(context: Context, guest: Guest, ticket: Ticket) -> tuple[Guest, Ticket]:
        return guest, ticket

    assert called(take, {"guest": {"name": "Ada"}, "ticket": {"seat": 1}}) == (Guest("Ada"), Ticket(1))


def test_an_input_made_of_plain_parameters_is_named_for_its_action() -> None:
    def sign(context: Context, name: str) -> None: ...

    assert registered(sign, "sign_the-book").input.__name__ == "V1SignTheBookInput"


def test_a_default_that_can_change_is_not_shared_between_requests() -> None:
    def collect(context: Context, names: list[str] = []) -> list[str]:  # noqa: B006 - that is what is tested
        names.append("x")
        return names

    action = registered(collect)
    for _ in range(2):
        assert action.call(context_of("v1.act"), *action.arguments({})) == ["x"]


def no_context() -> None: ...


def only_by_name(*, context: Context) -> None: ...


def starred(context: Context, *names: str) -> None: ...


def double_starred(context: Context, **fields: str) -> None: ...


def by_position(context: Context, name: str, /) -> None: ...


def untyped(context: Context, name) -> None: ...  # type: ignore[no-untyped-def]  # that is what is refused


def changing(context: Context, names: list[str] = ["x"]) -> None: ...  # noqa: B006 - that is what is refused


def mangled(context: Context, __name: str, age: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (no_context, r"v1\.act: an action takes \(context\)"),
        (only_by_name, r"v1\.act: an action takes \(context\)"),
        (lambda *_: None, r"v1\.act: an action takes \(context\)"),
        (starred, r"v1\.act: it takes \*names: name each parameter instead"),
        (double_starred, r"v1\.act: it takes \*\*fields: name each parameter instead"),
        (by_position, r"v1\.act: it takes name by position only"),
        (untyped, r"v1\.act: its parameter 'name' has no type"),
        (changing, r"v1\.act: its parameters cannot become an input: .*\['x'\].* as a default value"),
        (mangled, r"v1\.act: its parameters cannot become an input: .*__name"),
    ],
)
def test_a_signature_that_no_request_can_fill_is_refused(function: Callable[..., Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        registered(function)


def test_the_context_alone_may_be_given_by_position_only() -> None:
    def sign(context: Context, /, name: str) -> str:
        return name

    assert called(sign, {"name": "Ada"}) == "Ada"


def test_what_is_not_data_is_a_resource_that_is_wanted() -> None:
    @dataclass
    class Pool:
        mailer: Mailer

    def send(context: Context, to: str, mailer: Mailer, *, pool: Pool, others: list[Mailer]) -> None: ...

    assert registered(send).takes.wants == {"mailer": Mailer, "pool": Pool, "others": list[Mailer]}
    assert registered(send).takes.fields == ("to",)


def test_data_of_a_type_that_is_known_to_be_a_resources_is_that_resource() -> None:
    def send(context: Context, guest: Guest, ticket: Ticket, name: str = "") -> None: ...

    assert registered(send).takes.fields == ("guest", "ticket", "name")
    knowing = registered(send).knowing({Ticket})
    assert knowing.takes.wants == {"ticket": Ticket}
    assert knowing.takes.fields == ("guest", "name")
    assert registered(send).knowing({Ticket, str}).input is Guest
    assert knowing.knowing({}).takes.fields == ("guest", "ticket", "name"), "what was known before does not count"


def test_a_record_cannot_have_a_default_which_would_never_be_used() -> None:
    """The data of a request is always an object, and it is the record."""

    def sign(context: Context, guest: Guest = Guest("nobody")) -> None: ...  # noqa: B008 - it cannot change

    def sign_in(context: Context, ticket: Ticket, guest: Guest = Guest("nobody")) -> Guest:  # noqa: B008 - likewise
        return guest

    text = r"v1\.act: its record 'guest' cannot have a default: give its fields defaults"
    with pytest.raises(ValueError, match=text):
        registered(sign)
    with pytest.raises(ValueError, match=text):
        registered(sign_in).knowing({Ticket})
    assert called(sign_in, {"ticket": {"seat": 1}}) == Guest("nobody"), "a field may have one"


def test_a_resource_beside_none_is_that_resource() -> None:
    def send(context: Context, name: str, mailer: Mailer | None = None, ticket: Ticket | None = None) -> Any:
        return name, mailer, ticket

    assert called(send, {"name": "Ada", "ticket": {"seat": 1}}) == ("Ada", None, Ticket(1))
    knowing = registered(send).knowing({Mailer, Ticket})
    assert knowing.takes.wants == {"mailer": Mailer, "ticket": Ticket}
    assert knowing.takes.fields == ("name",)


def test_what_is_not_data_and_has_a_default_is_neither_data_nor_wanted() -> None:
    default = Mailer()

    def send(context: Context, mailer: Mailer = default, name: str = "") -> Any:
        return mailer, name

    assert called(send, {"name": "Ada"}) == (default, "Ada")
    assert registered(send).takes.wants == {}
    assert registered(send).knowing({Mailer}).takes.wants == {"mailer": Mailer}


def test_a_union_whose_members_cannot_be_told_apart_is_not_data() -> None:
    def send(context: Context, what: Guest | Ticket) -> None: ...

    assert registered(send).takes.wants == {"what": Guest | Ticket}


def test_a_type_whose_annotation_has_no_hash_is_data_whatever_resources_there_are() -> None:
    def send(context: Context, name: Annotated[str, {"shown": "first"}]) -> None: ...

    assert registered(send).knowing({Mailer, str}).takes.fields == ("name",)
