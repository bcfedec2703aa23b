from typing import Any

import pytest
from msgspec import Struct

from leveret.api import Api, Context, Secret
from leveret.errors import Conflict, InvalidRequest, NotFound, TemporaryError, UnknownAction


class Wanted(Struct, frozen=True):
    title: str
    password: Secret[str] = ""


def an_api() -> Api:
    api: Api = Api()

    @api.action("v1", "act", writes=True)
    def act(context: Context, wanted: Wanted) -> str:
        return wanted.title

    @api.action("v1", "wait", public=True)
    async def wait(context: Context) -> None: ...

    return api


def test_an_action_is_found_by_version_and_name() -> None:
    action = an_api().find("v1", "act")
    assert (action.writes, action.public, action.is_async) == (True, False, False)
    assert action.secrets == {"password"}
    assert action.arguments({"title": "x", "unknown": 1}) == (Wanted("x"),)
    assert an_api().find("v1", "wait").is_async


@pytest.mark.parametrize("names", [("password", "title"), ("title", "password")])
def test_of_several_wrong_fields_the_same_one_is_named_whatever_their_order(names: tuple[str, str]) -> None:
    with pytest.raises(InvalidRequest, match="Field password"):
        an_api().find("v1", "act").arguments(dict.fromkeys(names, 1))


def test_an_action_keeps_its_output_its_description_and_its_errors() -> None:
    api: Api = Api()

    @api.action("v1", "find", errors=(NotFound, Conflict))
    def find(context: Context) -> list[Wanted]:
        """Find what is wanted.

        In any order.
        """
        return []

    action = api.find("v1", "find")
    assert action.output == list[Wanted]
    assert action.description == "Find what is wanted.\n\nIn any order."
    assert action.errors == (NotFound, Conflict)
    api.inherit("v2", parent="v1")
    assert api.find("v2", "find").errors == (NotFound, Conflict)


def test_what_an_action_does_not_say_is_any_output_no_description_and_no_errors() -> None:
    api: Api = Api()
    api.action("v1", "silent")(lambda _: None)
    action = api.find("v1", "silent")
    assert (action.output, action.description, action.errors) == (Any, "", ())
    assert an_api().find("v1", "wait").output is type(None)


def test_only_the_types_of_input_and_output_have_to_be_known_at_run_time() -> None:
    api: Api = Api()

    def act(context: "Unknown", wanted: "Wanted") -> "Wanted":  # type: ignore[name-defined]  # noqa: F821
        return wanted

    api.action("v1", "act")(act)
    assert (api.find("v1", "act").input, api.find("v1", "act").output) == (Wanted, Wanted)

    def give(context: Context) -> "Unknown":  # type: ignore[name-defined]  # noqa: F821
        return None

    with pytest.raises(ValueError, match=r"v1.give: name 'Unknown' is not defined, .* import it at run time"):
        api.action("v1", "give")(give)


@pytest.mark.parametrize(("version", "name"), [("v1", "nope"), ("v2", "act"), ("", "")])
def test_an_unknown_action_is_named_as_the_first_version_did(version: str, name: str) -> None:
    with pytest.raises(UnknownAction, match=rf"^Unknown action: {version}\.{name}$"):
        an_api().find(version, name)


def test_a_version_inherits_what_it_does_not_define() -> None:
    api = an_api()

    @api.action("v2", "act")
    def act(context: Context) -> str:
        return "v2"

    api.inherit("v2", parent="v1")
    assert api.find("v2", "act").function is act
    assert api.find("v2", "wait").version == "v2"


@pytest.mark.parametrize(
    ("data", "text"),
    [({}, "missing required field `title`"), ({"title": 1}, "Field title: Expected `str`, got `int`")],
)
def test_input_that_does_not_fit_names_the_field(data: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        an_api().find("v1", "act").arguments(data)
    assert text in caught.value.text


def test_what_cannot_be_an_action_is_refused_at_once() -> None:
    api = an_api()
    with pytest.raises(ValueError, match=r"registered twice"):
        api.action("v1", "act")(lambda _: None)
    with pytest.raises(ValueError, match=r"takes \(context\)"):
        api.action("v1", "other")(lambda: None)
    with pytest.raises(ValueError, match=r"has no type"):
        api.action("v1", "other")(lambda _, wanted: wanted)
    with pytest.raises(ValueError, match=r"never stored"):
        api.action("v1", "other", writes=True, secret=True)
    with pytest.raises(ValueError, match=r"TemporaryError is not a RequestError"):
        api.action("v1", "other", errors=(TemporaryError,))  # type: ignore[arg-type]  # what is refused at run time


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("", "x"),
        ("v1", ""),
        ("v" * 33, "x"),
        ("v1", "x" * 65),
        ("v1", "two words"),
        ("v\n1", "x"),
        ("v1", "x\0"),
        ("v1", "x\ud800"),
        ("v1", "x\u202e"),
        ("v1", "x\u3000"),
    ],
)
def test_a_version_or_a_name_that_the_tables_or_a_line_cannot_hold_is_refused_at_registration(
    version: str, name: str
) -> None:
    with pytest.raises(ValueError, match=r"of an action must have 1 to \d+ printable characters without blanks"):
        an_api().action(version, name)(lambda _: None)


def test_the_longest_version_and_name_are_taken() -> None:
    api = an_api()
    api.action("v" * 32, "ä" * 64)(lambda _: None)
    assert api.find("v" * 32, "ä" * 64).name == "ä" * 64
