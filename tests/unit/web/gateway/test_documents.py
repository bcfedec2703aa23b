"""The documents that a gateway serves beside the routes."""

from __future__ import annotations

import msgspec
import pytest
from starlette.requests import Request
from starlette.testclient import TestClient as Browser

from leveret.contracts.asyncapi import build_asyncapi
from leveret.contracts.openapi import build_openapi
from leveret.topology import Topology
from leveret.web.gateway.pages.serving import pages_of
from support.idle_gateway import idle_gateway
from taskmanager.actions import app


@pytest.fixture
def caller() -> Browser:
    return idle_gateway(app)


def test_the_gateway_serves_its_openapi_document_to_everybody(caller: Browser) -> None:
    answer = caller.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == build_openapi(app)


def test_the_gateway_serves_its_asyncapi_document(caller: Browser) -> None:
    assert caller.get("/asyncapi.json").json() == build_asyncapi(app)


async def test_the_names_in_it_are_those_of_the_settings() -> None:
    document = pages_of(app, Topology(prefix="other"))["/asyncapi.json"]
    request = Request({"type": "http", "method": "GET", "path": "/asyncapi.json", "headers": []})
    found = msgspec.json.decode((await document.answer(request)).body)
    assert found["channels"]["requests"]["address"] == "other.requests"


def test_whoever_has_the_document_gets_it_once(caller: Browser) -> None:
    first = caller.get("/openapi.json")
    again = caller.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert first.headers["Cache-Control"] == again.headers["Cache-Control"] == "no-cache"
    assert caller.get("/openapi.json", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_document_can_only_be_read(caller: Browser) -> None:
    head = caller.head("/openapi.json")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) > 1000
    refused = caller.post("/openapi.json", json={})
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
