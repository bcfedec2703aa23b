"""The built site of the documentation, opened as a file: it needs no server and no internet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.docs.building import SITE

LIMIT = 30_000
"""Milliseconds after which what has not come does not come."""


class Reader:
    """Somebody who reads the site; what it asks for elsewhere is kept."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.elsewhere: list[str] = []
        page.set_default_timeout(LIMIT)
        page.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        if not url.startswith(("file:", "data:", "blob:")):
            self.elsewhere.append(url)

    def open(self, path: str) -> Page:
        self.page.goto((SITE / path).as_uri())
        return self.page

    def search(self, words: str) -> None:
        self.page.keyboard.press("Control+k")
        self.page.keyboard.type(words)


@pytest.fixture(params=[(1280, 900), (390, 800)], ids=["desk", "phone"])
def reader(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Reader]:
    assert (SITE / "index.html").is_file(), "build the site first: make docs"
    width, height = request.param
    context = chromium.new_context(viewport={"width": width, "height": height})
    reader = Reader(context.new_page())
    yield reader
    assert reader.elsewhere == []
    context.close()


@pytest.mark.parametrize(
    ("page", "words", "found"),
    [("en/start.html", "post-mortem", "An incident"), ("ru/start.html", "идемпотентность", "Идемпотентность")],
)
def test_the_search_finds_words_of_the_language(reader: Reader, page: str, words: str, found: str) -> None:
    opened = reader.open(page)
    reader.search(words)
    expect(opened.locator("dialog")).to_contain_text(found, timeout=LIMIT)


@pytest.mark.parametrize(
    ("path", "other"), [("en/tutorial.html", "ru/tutorial.html"), ("ru/report.html", "en/index.html")]
)
def test_the_switch_of_languages_leads_to_the_same_page_where_it_is_translated(
    reader: Reader, path: str, other: str
) -> None:
    language = other[:2]
    page = reader.open(path)
    page.locator(".md-select").first.hover()
    page.locator(f".md-select__link[hreflang={language}]").click()
    page.wait_for_url((SITE / other).as_uri())
    assert page.locator("html").get_attribute("lang") == language


@pytest.mark.parametrize(
    "path",
    ["en/index.html", "en/comparison.html", "en/operate/incident.html", "en/reference/leveret.html", "ru/report.html"],
)
def test_no_page_is_wider_than_its_window(reader: Reader, path: str) -> None:
    page = reader.open(path)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.locator("h1").first.is_visible()


def test_a_reader_chooses_dark_or_light_and_a_machine_that_is_dark_begins_dark(chromium: Browser) -> None:
    context = chromium.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto((SITE / "en/start.html").as_uri())
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    page.locator("label[for^=__palette]:visible").click()
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "default")
    context.close()
