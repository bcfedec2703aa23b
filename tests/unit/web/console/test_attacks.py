"""What attackers try against the console, in one table and some stories."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient as Browser

from leveret.web.console.building import build_console
from leveret.web.console.entering.guard import LARGEST_BODY
from leveret.web.console.security.attempts import FREE_FOR_AN_ADDRESS
from leveret.web.console.security.store import ABSOLUTE, IDLE
from leveret.web.console.site import Site
from support.consoles import HOSTILE, PASSWORD, Hands, browsing, enter, site_in

OPEN = {"/sign-in", "/sign-out", "/preferences", "/health/live"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"host": "evil.example"}, 421, id="another name that points to us"),
        pytest.param({"host": "evil.example:8807"}, 421, id="with our port"),
        pytest.param({"host": "127.0.0.1.evil.example"}, 421, id="our address as a part"),
        pytest.param({"host": ""}, 421, id="no name"),
        pytest.param({"host": "localhost:9"}, 403, id="a form whose origin is another port"),
        pytest.param({"sec-fetch-site": "cross-site"}, 403, id="a form of another site"),
        pytest.param({"sec-fetch-site": "same-site"}, 403, id="a form of another host of our site"),
        pytest.param({"sec-fetch-site": "none"}, 403, id="no page at all"),
        pytest.param({"origin": "https://evil.example"}, 403, id="another origin beside a forged site"),
        pytest.param({"content-length": str(LARGEST_BODY + 1)}, 413, id="too large"),
        pytest.param({"content-length": "-1"}, 413, id="less than nothing"),
        pytest.param({"transfer-encoding": "chunked"}, 413, id="of unknown length"),
    ],
)
def test_a_request_that_no_page_of_ours_sends_is_refused(
    operator: Browser, headers: dict[str, str], status: int
) -> None:
    sent = {"origin": "http://127.0.0.1:8807"} | headers
    answer = operator.post("/sign-out", headers=sent)
    assert answer.status_code == status
    assert operator.get("/actions").status_code == 200


def test_every_page_but_the_door_demands_a_session_and_a_role(browser: Browser, site: Site) -> None:
    routes: list[Any] = [route for route in build_console(site).routes if hasattr(route, "methods")]
    guarded = [route for route in routes if route.path not in OPEN]
    assert len(guarded) >= 6
    assert [route.path for route in guarded if not hasattr(route.endpoint, "allowed")] == []
    posts = [route for route in guarded if "POST" in route.methods]
    assert [route.path for route in posts if route.endpoint.allowed != "operator"] == []
    for route in guarded:
        path = re.sub(r"{\w+}", "x", route.path)
        method = "POST" if "POST" in route.methods else "GET"
        answer = browser.request(method, path)
        assert answer.status_code == (401 if method == "POST" else 303), path
        assert method == "POST" or answer.headers["location"].startswith("/sign-in?next=")


def test_the_role_is_enforced_in_the_handler_and_not_in_the_page(viewer: Browser) -> None:
    answer = viewer.post("/try", data={"action": "v1.sign", "field.name": "Ada"})
    assert answer.status_code == 403
    assert "operator" in answer.text


def test_every_answer_has_the_headers_of_the_standards(operator: Browser) -> None:
    nonces = set()
    for path in ("/actions", "/sign-in", "/nowhere", "/assets/console.css", "/health/live"):
        headers = operator.get(path).headers
        policy = headers["content-security-policy"]
        nonces.add(re.search(r"'nonce-([\w-]{20,})'", policy)[1])  # type: ignore[index]  # a test
        assert policy.startswith("default-src 'none'; script-src 'self' 'nonce-")
        for part in (
            "style-src 'self'",
            "connect-src 'self'",
            "img-src 'self' data:",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "require-trusted-types-for 'script'",
        ):
            assert f"; {part}" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert len(nonces) == 5


def test_the_cookie_is_bound_to_the_host_and_kept_from_scripts(browser: Browser) -> None:
    cookie = enter(browser, "ada").headers["set-cookie"]
    assert cookie.startswith("guestbook-console=")
    for part in ("HttpOnly", "SameSite=lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie


def test_a_session_is_new_at_sign_in_and_the_one_before_is_over(operator: Browser, site: Site) -> None:
    before = operator.cookies[site.cookie]
    assert enter(operator, "ada").status_code == 303
    after = operator.cookies[site.cookie]
    assert before != after
    assert site.store.find_session(before) is None


def test_a_session_ends_at_the_server_when_its_owner_signs_out(operator: Browser, site: Site) -> None:
    token = operator.cookies[site.cookie]
    assert operator.post("/sign-out").status_code == 303
    assert site.store.find_session(token) is None


def test_a_session_ends_when_it_is_idle_or_old_or_its_owner_is_removed(browser: Browser, site: Site) -> None:
    clock: Any = site.clock
    assert isinstance(clock, Hands)
    enter(browser, "ada")
    clock.now += IDLE + 1
    assert browser.get("/actions").status_code == 303
    enter(browser, "ada")
    for _ in range(int(ABSOLUTE / IDLE * 2)):
        clock.now += IDLE / 2
        browser.get("/actions")
    assert browser.get("/actions").status_code == 303
    enter(browser, "ada")
    site.store.remove_user("ada")
    assert browser.get("/actions").status_code == 303


def test_a_token_that_was_read_in_the_database_opens_nothing(operator: Browser, site: Site) -> None:
    visitor = site.store.find_session(operator.cookies[site.cookie])
    assert visitor is not None
    assert site.store.find_session(visitor.session.hex()) is None


def test_guesses_are_slowed_down_and_the_right_password_too(browser: Browser, site: Site) -> None:
    for _ in range(5):
        assert enter(browser, "ada", "wrong").status_code == 401
    answer = enter(browser, "ada", PASSWORD)
    assert answer.status_code == 429
    site.clock.now += int(answer.headers["retry-after"])  # type: ignore[attr-defined]  # a clock of tests
    assert enter(browser, "ada", PASSWORD).status_code == 303


def test_an_address_that_the_caller_has_written_hides_no_guesses(tmp_path: Path) -> None:
    with browsing(site_in(tmp_path, behind_proxy=True)) as browser:

        def guess(forwarded: str) -> int:
            headers = {"x-forwarded-for": forwarded}
            return browser.post("/sign-in", data={"token": "guessed"}, headers=headers).status_code

        assert {guess(f"192.0.2.{number}, 198.51.100.7") for number in range(FREE_FOR_AN_ADDRESS)} == {401}
        assert guess("192.0.2.99, 198.51.100.7") == 429
        assert guess("192.0.2.99, 198.51.100.8") == 401


@pytest.mark.parametrize("onward", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_to_another_site_after_signing_in(browser: Browser, onward: str) -> None:
    assert enter(browser, "ada", onward=onward).headers["location"] == "/"


def test_an_address_signs_in_only_where_somebody_develops(site: Site) -> None:
    for development in (False, True):
        with browsing(replace(site, development=development)) as browser:
            assert ("data-filled" in browser.get("/sign-in").text) is development


def test_texts_of_strangers_are_escaped_in_pages(operator: Browser) -> None:
    page = operator.get("/actions/v1/read").text
    assert "&lt;script&gt;" in page
    assert "\\u202egnp" in page
    assert not any(sign in page for sign in HOSTILE if sign == "\u202e")
    assert "<script>alert" not in operator.get("/actions", params={"q": HOSTILE}).text


def test_a_path_does_not_lead_out_of_the_assets(browser: Browser) -> None:
    for path in ("/assets/../site.py", "/assets/%2e%2e/site.py", "/assets/..%2fsite.py"):
        assert browser.get(path).status_code == 404
