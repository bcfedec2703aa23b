"""The form of an action, and what becomes of what is entered."""

from enum import Enum
from typing import Literal

import pytest
from starlette.testclient import TestClient as Browser

from leveret import App, Context, Secret
from leveret.web.console.pages.fields import FormField, data_of_form, fields_of


class Colour(Enum):
    RED = "red"


def fields() -> list[FormField]:
    app = App("forms")

    @app.action("v1", "act", public=True)
    def act(
        context: Context,
        name: str,
        count: int,
        password: Secret[str],
        colour: Colour = Colour.RED,
        *,
        loud: bool = False,
        size: Literal["s", "l"] = "s",
        tags: list[str] | None = None,
        note: str | None = None,
    ) -> None: ...

    found = fields_of(app.find("v1", "act"))
    assert found is not None
    return found


def test_each_type_becomes_the_field_that_a_person_expects() -> None:
    kinds = {field.name: field.kind for field in fields()}
    assert kinds == {
        "name": "text",
        "count": "number",
        "password": "secret",
        "colour": "choice",
        "loud": "truth",
        "size": "choice",
        "tags": "json",
        "note": "long",
    }


def test_what_is_entered_becomes_data_and_what_is_left_empty_stays_out() -> None:
    entered = {"field.name": "Ada", "field.count": "3", "field.password": "x", "field.tags": '["a"]', "field.note": ""}
    data = data_of_form(fields(), entered)
    assert data == {"name": "Ada", "count": 3, "password": "x", "tags": ["a"]}


def test_a_field_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ValueError, match="count"):
        data_of_form(fields(), {"field.count": "three"})


def test_a_viewer_sees_the_form_and_why_the_button_is_off(viewer: Browser) -> None:
    page = viewer.get("/try", params={"action": "v1.sign"}).text
    assert "disabled" in page
    assert "Only an operator may do this" in page


def test_without_a_broker_the_page_says_so_and_offers_the_call_to_copy(operator: Browser) -> None:
    answer = operator.post("/try", data={"action": "v1.sign", "field.name": "O'Hara", "id": "one", "token": "eyJ.x.y"})
    assert answer.status_code == 200
    assert "no answer" in answer.text
    assert "leveret call sign --version v1 --id one --data" in answer.text
    assert "eyJ.x.y" not in answer.text
