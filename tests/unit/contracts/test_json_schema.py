"""The document with the types of an application's actions."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from leveret.contracts.json_schema import build_json_schema
from support import unusual_app
from taskmanager.actions import app


def validator(application: Any, name: str) -> Draft202012Validator:
    document = build_json_schema(application)
    return Draft202012Validator({**document, "$ref": f"#/$defs/{name}"})


@pytest.mark.parametrize("application", [app, unusual_app.app], ids=lambda each: each.name)
def test_the_document_is_a_schema_with_the_input_and_output_of_each_action(application: Any) -> None:
    document = build_json_schema(application)
    Draft202012Validator.check_schema(document)
    for action in application:
        assert (f"{action.full_name}.input" in document["$defs"]) == (action.input is not None)
        assert f"{action.full_name}.output" in document["$defs"]


def test_an_input_is_checked_with_its_types() -> None:
    assert validator(app, "v2.create_task.input").is_valid({"title": "Buy milk"})
    assert not validator(app, "v2.create_task.input").is_valid({"title": "Buy milk", "status": "lost"})
    assert not validator(app, "v2.get_task.input").is_valid({})
