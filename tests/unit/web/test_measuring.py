"""What a door counts of a request, and tells of it."""

from __future__ import annotations

import json
import logging

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient as Browser

from leveret.observe.http_counts import HttpCounts
from leveret.observe.logs import MORE_FIELDS
from leveret.web.gateway.access_log import write_line
from leveret.web.measuring import Measured


async def answer(request: Request) -> Response:
    return Response(b"", 201, {"Request-Id": "ours", "X-Request-Id": request.headers.get("X-Request-Id", "none")})


@pytest.fixture
def browser() -> Browser:
    inner = Starlette(routes=[Route("/tasks/{id}", answer, methods=["POST"])])
    return Browser(Measured(inner, inner.routes, HttpCounts(), write_line))


def test_a_request_is_one_line_with_its_route_and_without_its_path(
    browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.gateway")
    browser.post("/tasks/a-secret", headers={"X-Request-Id": "theirs"})
    browser.get("/elsewhere%0a")
    first, second = (each for each in caplog.records if each.name == "leveret.gateway")
    assert first.getMessage().startswith("POST /tasks/{id} 201: ours in ")
    assert second.getMessage().startswith("GET - 404: - in ")
    fields = getattr(first, MORE_FIELDS)()
    assert (fields["method"], fields["route"], fields["status"]) == ("POST", "/tasks/{id}", 201)
    assert (first.request_id, fields["caller_request_id"]) == ("ours", "theirs")  # type: ignore[attr-defined]
    assert 0 <= fields["duration"] < 60
    assert "secret" not in json.dumps(fields) + caplog.text


def test_a_log_that_is_off_is_not_made(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "leveret.gateway")
    browser.post("/tasks/1")
    assert [each for each in caplog.records if each.name == "leveret.gateway"] == []
