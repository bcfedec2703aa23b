"""Which pages of other origins may call from a browser."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient as Browser

from leveret.web.gateway.cross_origin import origin, with_origins
from support.idle_gateway import idle_gateway
from taskmanager.actions import app

ALLOWED = "https://app.example.com"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
}


@pytest.fixture
def browser() -> Browser:
    return Browser(with_origins(idle_gateway(app).app, [ALLOWED]))


def test_a_page_of_an_allowed_origin_may_ask_and_reads_the_headers(browser: Browser) -> None:
    asked = browser.options("/api/v2/tasks/", headers={"Origin": ALLOWED, **PREFLIGHT})
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == ALLOWED
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Credentials" not in asked.headers
    answer = browser.get("/nowhere", headers={"Origin": ALLOWED})
    assert answer.status_code == 404
    assert answer.headers["Access-Control-Allow-Origin"] == ALLOWED
    assert "Request-Id" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["Vary"] == "Origin"


def test_a_page_of_another_origin_may_not(browser: Browser) -> None:
    other = "https://other.example.com"
    asked = browser.options("/api/v2/tasks/", headers={"Origin": other, **PREFLIGHT})
    assert asked.status_code == 400
    assert "Access-Control-Allow-Origin" not in asked.headers
    assert "Access-Control-Allow-Origin" not in browser.get("/nowhere", headers={"Origin": other}).headers


def test_without_origins_nothing_is_said_of_them() -> None:
    plain = idle_gateway(app).app
    assert with_origins(plain, []) is plain


@pytest.mark.parametrize("text", ["*", ALLOWED, "http://127.0.0.1:5173", "https://[::1]:8443"])
def test_an_origin_is_scheme_host_and_port(text: str) -> None:
    assert origin(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "app.example.com",
        "https://app.example.com/",
        "https://A.example.com",
        "https://a@b.com",
        "ftp://a.b",
        "null",
    ],
)
def test_what_no_browser_sends_is_no_origin(text: str) -> None:
    with pytest.raises(ValueError, match="is not an origin"):
        origin(text)
