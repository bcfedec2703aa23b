"""The pages of a gateway: what they say, and that nothing in them comes from elsewhere."""

from __future__ import annotations

import hashlib
import re
import tomllib

import pytest
from starlette.testclient import TestClient as Browser

from leveret import App, Context
from leveret.contracts.statuses import PROBLEMS
from leveret.web.gateway.pages.html import ASSETS
from support import unusual_app
from support.idle_gateway import idle_gateway
from taskmanager.actions import app

LOADED = re.compile(r'(?:src|rel="stylesheet" href)="([^"]+)"')
VENDORED = ("swagger-ui", "redoc")


@pytest.fixture
def caller() -> Browser:
    return idle_gateway(app)


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/problems/conflict"])
def test_a_page_loads_only_files_of_this_gateway(caller: Browser, path: str) -> None:
    answer = caller.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "http:" not in answer.headers["Content-Security-Policy"]
    loaded = LOADED.findall(answer.text)
    assert loaded
    for each in loaded:
        file = caller.get(each)
        assert file.status_code == 200
        assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    again = caller.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_first_page_leads_to_all_others(caller: Browser) -> None:
    text = caller.get("/").text
    links = re.findall(r'<a href="([^"]+)"', text)
    assert {"/docs", "/redoc", "/openapi.json", "/asyncapi.json"} <= set(links)
    assert all(caller.get(each).status_code == 200 for each in links)
    assert all(f"<code>{route.pattern}</code>" in text for route in app.routes)


@pytest.mark.parametrize("code", PROBLEMS)
def test_the_type_of_a_problem_leads_to_its_page(caller: Browser, code: str) -> None:
    answer = caller.get(f"/problems/{code}")
    assert answer.status_code == 200
    assert f"<code>{code}</code>" in answer.text
    assert PROBLEMS[code].title in answer.text


def test_the_address_in_a_real_problem_is_that_of_the_page(caller: Browser) -> None:
    problem = caller.get("/nowhere").json()
    assert caller.get(problem["type"]).status_code == 200


def test_a_code_of_the_application_has_a_page_and_an_unknown_one_has_none() -> None:
    caller = idle_gateway(unusual_app.app)
    text = caller.get("/problems/out_of_paper").text
    assert "There is no paper." in text
    assert "v1.list" in text
    assert caller.get("/problems/none").status_code == 404


def test_without_docs_only_the_pages_of_problems_are_served() -> None:
    caller = idle_gateway(app, docs=False)
    for path in ("/", "/docs", "/redoc", "/openapi.json", "/asyncapi.json"):
        assert caller.get(path).json()["code"] == "unknown_path"
    answer = caller.get("/problems/conflict")
    assert answer.status_code == 200
    assert all(caller.get(each).status_code == 200 for each in LOADED.findall(answer.text))


def test_a_route_of_the_application_goes_before_a_page() -> None:
    shop = App("shop")

    @shop.action("v1", "docs", public=True)
    def docs(context: Context) -> str:
        return "ours"

    shop.route("GET /docs", docs)
    assert "Swagger" not in idle_gateway(shop).get("/docs").text


def test_what_a_docstring_holds_stands_in_a_page_as_text() -> None:
    shop = App("shop")

    @shop.action("v1", "buy", public=True)
    def buy(context: Context) -> str:
        """<script>alert(1)</script>"""
        return ""

    text = idle_gateway(shop).get("/").text
    assert "&lt;script&gt;" in text
    assert "<script>" not in text


@pytest.mark.parametrize("folder", VENDORED)
def test_what_comes_from_elsewhere_is_what_its_hash_says_and_has_its_licence(folder: str) -> None:
    vendored = tomllib.loads((ASSETS / folder / "VENDORED.toml").read_text())
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (ASSETS / folder).iterdir()
        if path.suffix in (".js", ".css")
    }
    assert found == vendored["files"]
    assert (ASSETS / folder / "LICENSE").read_text()


def test_the_one_change_of_a_vendored_file_is_the_one_that_is_named() -> None:
    change = tomllib.loads((ASSETS / "redoc" / "VENDORED.toml").read_text())["change"]
    ours = (ASSETS / "redoc" / "redoc.standalone.js").read_text()
    original = ours.replace(change["is"], change["was"])
    assert hashlib.sha256(original.encode()).hexdigest() == change["original"]
