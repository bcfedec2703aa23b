"""What the command knows better than the worker's answer: fields that no action has, and names that are misspelt."""

from typing import Any

import pytest

from leveret import App, Context
from leveret.cli.calling.destination import Destination
from leveret.cli.calling.options import Calling
from leveret.cli.calling.text_fields import field_names
from leveret.errors import NotFound, RequestError, UnknownAction
from leveret.wire.codec import refusal


def books() -> App[Any]:
    app: App[Any] = App("books")

    @app.action("v1", "sign", public=True)
    def sign(context: Context, name: str, age: int = 0) -> str:
        return name

    @app.action("v2", "look", public=True)
    def look(context: Context) -> str:
        return ""

    return app


def hint(action: str, error: RequestError, *, app: App[Any] | None = None) -> str:
    where = Destination(url="amqp://h", topology=books().topology(books().defaults), name="test", application=app)
    one = Calling(destination=where, name=action, version="v1", data={}, id="1", token="", login=None, timeout=1.0)
    return one.hint(refusal("1", error))


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("sgn", "did you mean sign?"),
        ("v2.look", "write the version as an option: look --version v2"),
        ("nothing_like_it", "there are sign in v1"),
    ],
)
def test_who_names_an_unknown_action_learns_which_there_are(action: str, words: str) -> None:
    assert hint(action, UnknownAction("Unknown action"), app=books()) == words


def test_another_refusal_and_an_application_that_is_not_at_hand_have_no_hint() -> None:
    assert hint("sgn", NotFound("no"), app=books()) == ""
    assert hint("sgn", UnknownAction("no")) == ""


def test_the_fields_of_an_input_are_known_unless_it_is_of_no_known_form() -> None:
    assert field_names(books().find("v1", "sign").input) == frozenset({"name", "age"})
    assert field_names(None) == frozenset()
    assert field_names(dict[str, int]) is None
