"""What a contract keeps beside schemas: inputs that decoders took and refused, by rules that no schema shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from leveret import App, Context
from leveret.application import Application
from leveret.contracts.diff.building import contract_of
from leveret.contracts.diff.compare import compare
from leveret.contracts.diff.contract import NotAContract, read_contract, write_contract
from leveret.contracts.diff.report import Report


def app_taking(kind: Any) -> Application[Any]:
    app = App("shop", health_check=False)

    def buy(context: Context, given: Any) -> int:
        return 1

    buy.__annotations__["given"] = kind
    app.action("v1", "buy", public=True)(buy)
    app.complete()
    return app


def compared(old: Any, new: Any) -> Report:
    kept = read_contract(write_contract(contract_of(app_taking(old))).encode())
    return compare(kept, app_taking(new))


def ruled(longest: int, kind: Any = str) -> Any:
    """Return a record whose own rule limits the length of its name."""

    def __post_init__(self: Any) -> None:  # noqa: N807 -- msgspec calls it by this name
        if not 0 < len(self.name) <= longest:
            raise ValueError(f"Field name: 1 to {longest} characters")

    return msgspec.defstruct("Wanted", [("name", kind)], namespace={"__post_init__": __post_init__})


def test_a_rule_of_the_types_own_that_is_tightened_breaks_callers_at_its_limit() -> None:
    (found,) = compared(ruled(200), ruled(199)).breaks
    assert (found.whom, found.message["data"]) == ("callers", {"name": "a" * 200})
    assert found.fails["error"] == "Field name: 1 to 199 characters" or "1 to 199" in found.fails["error"]


def test_a_rule_that_is_loosened_or_moves_into_the_type_breaks_nobody() -> None:
    typed = Annotated[str, Meta(min_length=1, max_length=200)]
    assert compared(ruled(200), ruled(201)).breaks == []
    assert compared(ruled(200), ruled(200, typed)).breaks == []
    assert compared(ruled(200), msgspec.defstruct("Wanted", [("name", typed)])).breaks == []


def test_an_example_leads_to_inputs_that_nobody_can_guess() -> None:
    def only(*known: str) -> Any:
        def __post_init__(self: Any) -> None:  # noqa: N807
            if self.currency not in known:
                raise ValueError("Field currency: unknown")

        kind = Annotated[str, Meta(examples=["EUR", "USD"])]
        return msgspec.defstruct("Paid", [("currency", kind)], namespace={"__post_init__": __post_init__})

    (found,) = compared(only("EUR", "USD"), only("EUR")).breaks
    assert found.message["data"] == {"currency": "USD"}


def test_what_is_refused_hides_nothing_else_that_is_refused() -> None:
    class Old(Struct):
        first: Literal["a", "b"]
        second: Annotated[int, Meta(le=100)]
        third: str

    class New(Struct):
        first: Literal["b"]
        second: Annotated[int, Meta(le=99)]
        third: Annotated[str, Meta(pattern="^[^é]*$")]
        fourth: int

    found = compared(Old, New).breaks
    assert {each.place or each.fails["error"] for each in found} == {
        "first",
        "second",
        "third",
        "Object missing required field `fourth`",
    }


def test_an_action_none_of_whose_inputs_is_known_is_compared_by_its_schemas() -> None:
    class Never(Struct):
        name: str

        def __post_init__(self) -> None:
            raise ValueError("never")

    assert contract_of(app_taking(Never)).actions["v1.buy"].examples == []
    (found,) = compared(Never, msgspec.defstruct("Never", [("name", int)])).breaks
    assert found.place == "name"


WRONG: dict[str, Callable[[dict[str, Any]], Any]] = {
    "Expected `object`": lambda _: [],
    "missing required field `contract`": lambda _: {},
    "form 2, and this version of leveret reads form 1": lambda known: known | {"contract": 2},
    "calls v9.gone": lambda known: known | {"routes": {"GET /x": {"action": "v9.gone"}}},
    "needs the type": lambda known: known | {"types": {}},
    "a schema of v1.buy is wrong": lambda known: known | {"types": {"Wanted": {"type": 5}}},
    "is not a 'regex'": lambda known: known | {"types": {"Wanted": {"pattern": "("}}},
}


@pytest.mark.parametrize("text", WRONG)
def test_a_file_that_is_no_whole_contract_is_refused_with_what_is_wrong(text: str) -> None:
    known = msgspec.to_builtins(contract_of(app_taking(ruled(10))))
    with pytest.raises(NotAContract) as caught:
        read_contract(msgspec.json.encode(WRONG[text](known)))
    assert text in str(caught.value)


def test_an_old_rule_within_is_not_taken_for_what_changed() -> None:
    def __post_init__(self: Any) -> None:  # noqa: N807
        if self.word == "zz":
            raise ValueError("Field word: not zz")

    inner: Any = msgspec.defstruct("Inner", [("word", str)], namespace={"__post_init__": __post_init__})
    old = msgspec.defstruct("Wanted", [("inner", inner), ("kind", Literal["a"])])
    new = msgspec.defstruct("Wanted", [("inner", inner), ("kind", Literal["a", "zz"]), ("more", int)])
    (found,) = compared(old, new).breaks
    assert "missing required field `more`" in found.fails["error"]
