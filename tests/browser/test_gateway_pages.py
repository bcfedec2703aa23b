"""The pages of a gateway in a real browser: nothing is fetched from elsewhere, and nothing is complained of."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

SCHEMES: list[Literal["light", "dark"]] = ["light", "dark"]
OWN = ("data:", "blob:")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a gateway of the Task Manager, without a broker."""
    folder = tmp_path_factory.mktemp("gateway")
    variables = {
        "TASKMANAGER_JWT_SECRET": "s" * 32,
        "TASKMANAGER_DATABASE_URL": f"sqlite:///{folder / 'test.db'}",
    }
    program = [str(Path(sys.executable).parent / "taskmanager"), "gateway", "--direct", "--port", "0"]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | variables
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().partition(": ")[2].strip().rstrip("/")
        process.terminate()
        assert process.wait(30) == 0


class Reading:
    """Somebody who reads the pages, and what the browser says of them."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.troubles: list[str] = []
        page.on("console", lambda message: self.troubles.append(message.text))
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("request", lambda request: self._see(request.url))

    def _see(self, url: str) -> None:
        if not url.startswith((self.address, *OWN)):
            self.troubles.append(f"asked for {url}")


@pytest.fixture(params=SCHEMES)
def reading(chromium: Browser, gateway: str, request: pytest.FixtureRequest) -> Iterator[Reading]:
    context = chromium.new_context(color_scheme=request.param)
    found = Reading(context.new_page(), gateway)
    yield found
    context.close()
    assert found.troubles == []


def test_swagger_ui_shows_the_routes_and_tries_one(reading: Reading) -> None:
    page = reading.page
    page.goto(f"{reading.address}/docs")
    route = page.locator("#operations-v1-v1_health_check")
    route.locator(".opblock-summary-control").click()
    route.get_by_role("button", name="Try it out").click()
    route.get_by_role("button", name="Execute").click()
    expect(route.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(route.locator(".live-responses-table")).to_contain_text('"status": "ok"')


def test_redoc_shows_the_routes_and_finds_them(reading: Reading) -> None:
    page = reading.page
    page.goto(f"{reading.address}/redoc")
    expect(page.get_by_role("heading", name="Create a task owned by the caller.").first).to_be_visible()
    page.get_by_role("textbox").fill("stats")
    expect(page.locator("[data-role='search:results']")).to_contain_text("Count the caller's tasks")


def test_our_own_pages_are_usable_by_everybody(reading: Reading, axe: str) -> None:
    for path in ("/", "/problems/conflict"):
        reading.page.set_viewport_size({"width": 390, "height": 800})
        reading.page.goto(f"{reading.address}{path}")
        width = reading.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390
        reading.page.evaluate(axe)
        found = reading.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []
