"""What the console serves beside its pages."""

import hashlib
import tomllib
from pathlib import Path

from starlette.testclient import TestClient as Browser

from leveret.web.console.showing.templates import ASSETS, asset

VENDORED = tomllib.loads((ASSETS / "htmx" / "VENDORED.toml").read_text())


def test_what_comes_from_elsewhere_is_what_its_hash_says_and_has_its_licence() -> None:
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (ASSETS / "htmx").glob("*.js")}
    assert found == VENDORED["files"]
    assert "Zero-Clause BSD" in (ASSETS / "htmx" / "LICENSE").read_text()


def test_our_own_stylesheet_and_script_fetch_nothing() -> None:
    for name in ("console.css", "console.js", "mark.svg"):
        text = (ASSETS / name).read_text().replace("http://www.w3.org/2000/svg", "")
        assert "//" not in text.replace("// ", "")
        assert "url(" not in text
        assert "@import" not in text


def test_a_browser_keeps_a_file_until_its_content_changes(browser: Browser) -> None:
    answer = browser.get(asset("console.css"))
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]


def test_all_scripts_and_styles_together_are_small() -> None:
    sizes = [path.stat().st_size for path in ASSETS.rglob("*") if path.suffix in (".js", ".css")]
    assert sum(sizes) < 100_000


def test_the_assets_are_packed_as_data_of_the_package() -> None:
    package = Path(__file__).resolve().parents[4] / "src" / "leveret"
    assert ASSETS.is_relative_to(package)
