"""Takes the pictures of the console for the documentation: ``make console-pictures``."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, sync_playwright

from leveret.devbroker import DevBroker
from support.console_system import running_console
from support.consoles import PASSWORD

_FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "console"
_DESK: Final = {"width": 1100, "height": 640}
_PHONE: Final = {"width": 390, "height": 700}


def main() -> None:
    """Start a small system, take the pictures, and stop it."""
    program = shutil.which(os.environ.get("BROWSER_PROGRAM", "chromium"))
    if program is None:
        sys.exit("there is no chromium: run scripts/ensure-browser")
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        DevBroker() as broker,
        running_console(broker.url, "shop", Path(folder), reports=True) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        _take(browser, address)
        browser.close()


def _take(browser: Browser, address: str) -> None:
    page = _entered(browser, address, "light")
    page.wait_for_timeout(12_000)  # so that the charts show something
    _save(page, "overview")
    page.goto(f"{address}/letters")
    _save(page, "letters")
    page.click("tbody a")
    _save(page, "letter")
    page.go_back()
    page.check("[data-all]")
    page.click("button[formaction='/letters/what-if']")
    _save(page, "what-if")
    page.fill("#why", "the shop has a price for sofas again")
    page.click("form[action='/operations'] button")
    page.wait_for_timeout(4_000)  # so that it is known what became of the letters
    _save(page, "operation")
    page.goto(f"{address}/try?action=v1.place_order")
    _save(page, "try")
    phone = _entered(browser, address, "dark", phone=True)
    phone.goto(f"{address}/letters")
    _save(phone, "phone")


def _entered(browser: Browser, address: str, scheme: str, *, phone: bool = False) -> Page:
    viewport = _PHONE if phone else _DESK
    dark = scheme == "dark"
    page = browser.new_context(
        viewport={"width": viewport["width"], "height": viewport["height"]},
        color_scheme="dark" if dark else "light",
        locale="en",
    ).new_page()
    page.goto(f"{address}/sign-in")
    page.fill("#name", "ada")
    page.fill("#password", PASSWORD)
    page.click("button.main")
    page.wait_for_url(f"{address}/")
    return page


def _save(page: Page, name: str) -> None:
    page.screenshot(path=_FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
