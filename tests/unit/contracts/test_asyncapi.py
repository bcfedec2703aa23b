"""The AsyncAPI document: valid, with references that lead somewhere, and examples that the real decoders take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from jsonschema import Draft7Validator

from leveret.contracts.asyncapi import build_asyncapi
from leveret.contracts.diff.door import WorkersDoor
from leveret.contracts.openapi import build_openapi
from leveret.testing import TestClient
from leveret.wire.codec import decode_request, encode_json
from orders import app as orders
from support import unusual_app
from support.official_schemas import asyncapi_troubles, openapi_troubles
from taskmanager.actions import app

APPLICATIONS: list[Any] = [app, orders, unusual_app.app]
each_application = pytest.mark.parametrize("application", APPLICATIONS, ids=lambda found: found.name)


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a document."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from nodes(each)


def found_at(document: Any, reference: str) -> Any:
    """Return what a reference within a document leads to."""
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


def replies(document: Any, operation: str) -> dict[str, Any]:
    """Return the messages with which an operation answers, by their names."""
    named = [found_at(document, each["$ref"]) for each in document["operations"][operation]["reply"]["messages"]]
    messages = [found_at(document, each["$ref"]) for each in named]
    return {each["name"]: each for each in messages}


def fits(document: Any, message: Any, payload: Any) -> bool:
    schema = {**message["payload"], "components": document["components"]}
    return bool(Draft7Validator(schema).is_valid(payload))


def matching(document: Any, operation: str, reply: Any) -> list[str]:
    """Return the messages of an operation that a reply is."""
    return [name for name, each in replies(document, operation).items() if fits(document, each, reply)]


@each_application
def test_the_documents_keep_to_the_official_schemas(application: Any) -> None:
    assert asyncapi_troubles(build_asyncapi(application, server="amqps://mq.example.com:5671/shop")) == []
    assert openapi_troubles(build_openapi(application)) == []


def test_a_wrong_document_does_not() -> None:
    document = build_asyncapi(app)
    del document["operations"]["v1.login"]["channel"]
    assert asyncapi_troubles(document)
    routes = build_openapi(app)
    del routes["info"]["title"]
    assert openapi_troubles(routes)


@each_application
def test_every_reference_leads_to_something(application: Any) -> None:
    document = build_asyncapi(application)
    references = [node["$ref"] for node in nodes(document) if isinstance(node.get("$ref"), str)]
    assert len(references) > 20
    for reference in references:
        assert found_at(document, reference) is not None


@each_application
def test_each_action_is_an_operation_with_its_reply(application: Any) -> None:
    document = build_asyncapi(application)
    assert document["channels"]["replies"]["address"] is None
    for action in application:
        operation = document["operations"][action.full_name]
        assert operation["action"] == "receive"
        assert operation["reply"]["address"]["location"] == "$message.header#/reply_to"
        assert ("security" in operation) == (not action.public)
        found = replies(document, action.full_name)
        assert {f"error.{error.code}" for error in action.errors} <= found.keys()
        assert all(each["correlationId"] for each in found.values())


@each_application
def test_an_example_of_each_request_is_taken_by_the_decoders_of_workers(application: Any) -> None:
    document, door = build_asyncapi(application), WorkersDoor(application)
    for action in application:
        message = document["components"]["messages"][f"{action.full_name}.request"]
        for example in message.get("examples", []):
            request = decode_request(encode_json(example["payload"]))
            assert door.refuse(request.name, request.data) is None
            assert fits(document, message, example["payload"])


@pytest.mark.parametrize("application", [app, orders], ids=lambda found: found.name)
def test_every_message_has_an_example_that_is_no_other_message(application: Any) -> None:
    document = build_asyncapi(application)
    for action in application:
        assert document["components"]["messages"][f"{action.full_name}.request"]["examples"]
        for name, message in replies(document, action.full_name).items():
            for example in message.get("examples", []):
                assert matching(document, action.full_name, example["payload"]) == [name]
            assert message.get("examples") or name.endswith("other_error")


def test_schemas_are_in_the_dialect_that_tools_read() -> None:
    document = build_asyncapi(unusual_app.app)
    for node in nodes(document["components"]):
        assert "prefixItems" not in node
        assert not isinstance(node.get("discriminator"), dict)
        assert "$ref" not in node or len(node) == 1


def test_a_dead_letter_has_its_message() -> None:
    document = build_asyncapi(app)
    (reference,) = document["operations"]["dead_letter"]["messages"]
    message = found_at(document, found_at(document, reference["$ref"])["$ref"])
    assert all(fits(document, message, each["payload"]) for each in message["examples"])
    assert document["channels"]["dead_letters"]["address"] == "api.requests.dlq"


ACCOUNT = {"email": "ada@example.org", "password": "correct horse 1"}
ASKED: list[tuple[str, Any, str, str]] = [
    ("v1.register", ACCOUNT, "", "1"),
    ("v1.register", ACCOUNT, "", "2"),
    ("v1.login", ACCOUNT, "", "3"),
    ("v1.login", {**ACCOUNT, "password": "wrong"}, "", "4"),
    ("v1.health_check", {}, "", "5"),
    ("v1.create_task", {"title": "Buy milk"}, "ada", "6"),
    ("v1.create_task", {"title": "Buy bread"}, "ada", "6"),
    ("v1.create_task", {}, "ada", "7"),
    ("v1.create_task", {"title": "Buy milk"}, "", "8"),
    ("v2.create_task", {"title": "Read", "due_date": "2027-01-01", "priority": "high"}, "ada", "9"),
    ("v1.list_tasks", {}, "ada", "10"),
    ("v2.list_tasks", {"fields": ["title"]}, "ada", "11"),
    ("v2.update_task", {"task_id": 2, "status": "done"}, "ada", "12"),
    ("v2.update_task", {"task_id": 2, "expected_version": 1, "status": "todo"}, "ada", "13"),
    ("v1.get_task", {"task_id": 77}, "ada", "14"),
    ("v2.get_task", {"task_id": 1}, "ada", "15"),
    ("v1.delete_task", {"task_id": 1}, "ada", "16"),
    ("v1.stored_response", {"request_id": "16"}, "ada", "17"),
    ("v1.stored_response", {"request_id": "none"}, "ada", "18"),
]
"""Requests for the Task Manager: the action, its data, the caller, the id."""


async def test_each_real_answer_of_the_task_manager_is_exactly_one_message() -> None:
    document, seen = build_asyncapi(app), set()
    async with TestClient(app) as client:
        for operation, data, caller, number in ASKED:
            version, _, action = operation.partition(".")
            asking = client.as_user("1") if caller else client
            received = await asking.ask(action, data, version=version, id=number)
            found = matching(document, operation, msgspec.json.decode(received.body))
            assert len(found) == 1, (operation, received.body)
            seen.add(found[0].rpartition(".")[2])
    assert seen == {"ok", "not_found", "conflict", "invalid_request", "unauthenticated", "id_reused"}
