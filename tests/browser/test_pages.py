"""Every page in both languages, both themes and on a phone: no complaint of the browser, nothing that axe finds."""

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

AXE = Path(__file__).parent / "axe"
PATHS = (
    "/",
    "/letters",
    "/letters?state=any&text=sofa",
    "/audit",
    "/operations",
    "/archive",
    "/redrive?action=place_order",
    "/request?id=nobody",
    "/try?action=v1.place_order",
    "/actions?q=order",
)
PHONE = {"width": 390, "height": 780}
DESK = {"width": 1280, "height": 800}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "visit",
    [
        pytest.param({"locale": "en", "color_scheme": "light", "viewport": DESK}, id="english light"),
        pytest.param({"locale": "ru", "color_scheme": "dark", "viewport": PHONE}, id="russian dark phone"),
        pytest.param({"locale": "en", "color_scheme": "dark", "viewport": DESK}, id="english dark"),
    ],
    indirect=True,
)
def test_a_page_is_sound_for_everybody(visit: Any, axe: str, path: str) -> None:
    visit.enter()
    page = visit.go(path)
    assert len(page.content().encode()) < 100_000
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), "it is wider than the screen"
    assert visit.barriers(axe) == []


@pytest.mark.parametrize("visit", [{"locale": "ru"}], indirect=True)
def test_the_door_is_sound_too_and_speaks_the_language_of_the_browser(visit: Any, axe: str) -> None:
    page = visit.go("/sign-in")
    assert page.locator("h1").text_content() == "Вход"
    assert visit.barriers(axe) == []


@pytest.mark.parametrize("visit", [{"locale": "ru"}], indirect=True)
@pytest.mark.parametrize(
    ("path", "places"),
    [
        ("/request?id=one", ".notice strong, tbody td:nth-child(2), tbody td:nth-child(3), dl.parts dd"),
        ("/redrive", "main p code"),
        ("/letters?newer=soon", "main p"),
    ],
)
def test_what_the_framework_says_is_said_in_the_language_of_the_page(visit: Any, path: str, places: str) -> None:
    visit.enter()
    said = visit.go(path).locator(places).all_text_contents()
    assert said
    assert [text for text in said if not re.search(r"[\u0430-\u044f]", text)] == []


def test_what_looks_for_barriers_is_what_its_hash_says() -> None:
    wanted = tomllib.loads((AXE / "VENDORED.toml").read_text())["files"]
    assert {name: hashlib.sha256((AXE / name).read_bytes()).hexdigest() for name in wanted} == wanted
