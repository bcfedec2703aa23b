"""A real Chromium, and a console of a system that runs."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from support.console_system import running_console
from support.consoles import PASSWORD

TROUBLE = """
window.__reports = [];
document.addEventListener("securitypolicyviolation", (event) => window.__reports.push(event.violatedDirective));
"""

REFUSED = "status of 4"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the console's system keeps."""
    return tmp_path_factory.mktemp("console")


@pytest.fixture(scope="session")
def address(broker: Any, folder: Path) -> Iterator[str]:
    ids = ("one", "two", "three", "--all")  # the last one looks like an option
    with running_console(broker.url, "browser", folder, ids=ids) as address:
        yield address


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = shutil.which(os.environ.get("BROWSER_PROGRAM", "chromium"))
    if program is None:
        pytest.fail("there is no chromium: run scripts/ensure-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A person at a page; what the browser complains of makes the test fail at its end, but for what is expected."""

    def __init__(self, page: Page, address: str, *, expected: str = REFUSED) -> None:
        self.page = page
        self.address = address
        self._expected = expected
        self.troubles: list[str] = []
        page.add_init_script(TROUBLE)
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.troubles.append(str(error)))

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and self._expected not in text and REFUSED not in text:
            self.troubles.append(text)

    def go(self, path: str) -> Page:
        self.page.goto(self.address + path)
        self.complaints()
        return self.page

    def enter(self, name: str = "ada") -> Page:
        self.go("/sign-in")
        self.page.fill("#name", name)
        self.page.fill("#password", PASSWORD)
        self.page.click("button.main")
        self.page.wait_for_url(f"{self.address}/")
        return self.page

    def barriers(self, axe: str) -> list[tuple[str, str]]:
        """Return what axe finds on this page that keeps somebody from using it."""
        self.page.evaluate(axe)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            (each["id"], each["nodes"][0]["html"])
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
        ]

    def complaints(self) -> None:
        assert self.troubles == []
        assert self.page.evaluate("window.__reports") == []


@pytest.fixture
def visit(chromium: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A visit with the options of a browser's context that the test gives, such as its language."""
    options: dict[str, Any] = {"locale": "en", **getattr(request, "param", {})}
    context = chromium.new_context(**options)
    visit = Visit(context.new_page(), address)
    yield visit
    visit.complaints()
    context.close()


@pytest.fixture(scope="session")
def axe() -> str:
    return (Path(__file__).parent / "axe" / "axe.min.js").read_text()
