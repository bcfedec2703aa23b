"""The documents of the application in the console: to take away, and what they say of one action."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient as Browser

from leveret.contracts.asyncapi import build_asyncapi
from leveret.contracts.openapi import build_openapi
from leveret.contracts.statuses import PROBLEMS
from leveret.web.console.languages.catalogue import chosen
from leveret.web.console.pages.documents import described
from leveret.web.console.site import Site
from taskmanager.actions import app


def test_a_viewer_takes_both_documents_away(viewer: Browser, site: Site) -> None:
    page = viewer.get("/actions").text
    for name, document in (
        ("openapi.json", build_openapi(site.app)),
        ("asyncapi.json", build_asyncapi(site.app, site.topology)),
    ):
        assert f'href="/documents/{name}"' in page
        answer = viewer.get(f"/documents/{name}")
        assert answer.json() == document
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{site.app.name}-{name}"'
    assert viewer.get("/documents/other.json").status_code == 404


def test_nobody_takes_them_away_without_signing_in(browser: Browser) -> None:
    assert browser.get("/documents/openapi.json", follow_redirects=False).status_code == 303


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_page_of_each_action_shows_what_the_documents_say(viewer: Browser, site: Site, language: str) -> None:
    for action in site.app:
        page = viewer.get(f"/actions/{action.version}/{action.name}", headers={"Accept-Language": language})
        assert page.status_code == 200
        assert "correlation_id" in page.text
        assert "deadline_exceeded" in page.text
        assert all(route.pattern in page.text for route in site.app.routes if route.full_name == action.full_name)


def test_what_is_said_of_an_action_is_what_the_documents_have() -> None:
    found = described(app, app.find("v2", "create_task"))
    assert found.request["data"]["title"]
    assert found.reply["status"] == "ok"
    assert {"id_reused", "rate_limited", "unauthenticated"} <= {code for code, _ in found.errors}
    (route,) = found.routes
    assert route.pattern == "POST /api/v2/tasks/"
    assert "Idempotency-Key" in route.headers
    assert ("201", "Created") in route.answers


def test_what_a_caller_does_is_said_in_russian() -> None:
    russian, codes = chosen("ru", ""), {code for action in app for code, _ in described(app, action).errors}
    assert all(russian.retell(PROBLEMS[code].advice) != PROBLEMS[code].advice for code in codes)
