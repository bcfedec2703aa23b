"""The site's pages, links and navigation, as far as they are made before Zensical runs, and the check after it."""

import hashlib
import tomllib
from pathlib import Path

import pytest

from scripts.docs.building import configuration, translated, unlisted
from scripts.docs.checking import problems
from scripts.docs.navigation import navigation, pages_of
from scripts.docs.places import DOCS, LANGUAGES, ROOT, link, place_of
from scripts.docs.sources import ASSETS, write_sources


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_sources(folder)
    return folder


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_of_a_language_stands_in_its_navigation(language: str, sources: Path) -> None:
    named = pages_of(configuration(language)["nav"])
    assert len(named) == len(set(named)), "a page stands in two places"
    pages = {path.relative_to(sources / language).as_posix() for path in (sources / language).rglob("*.md")}
    assert {page for page in pages if not page.startswith("repository/")} <= set(named)
    assert [page for page in named if not page.startswith("..") and page not in pages] == []


def test_a_page_that_no_list_names_is_found() -> None:
    entries = navigation(DOCS / "index.md")
    assert unlisted("en", entries) == []
    assert unlisted("en", [entries[0], *entries[2:]]) == ["start.md", "tutorial.md"]


def test_the_navigation_has_the_four_kinds_and_their_parts() -> None:
    (first, *sections) = navigation(DOCS / "index.md")
    assert first == {"Documentation": "index.md"}
    assert [name for section in sections for name in section] == [
        "Start and tutorial",
        "How to",
        "Reference",
        "Explanation",
    ]
    parts = [name for part in sections[1]["How to"] for name in part]
    assert parts == ["Write an application", "Call it", "Run it", "Change this project"]


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("docs/how-to/test.md", "docs/start.md", "../start.md"),
        ("docs/index.md", "CONTRIBUTING.md", "repository/CONTRIBUTING.md"),
        ("docs/operate/incident.md", "deploy/alerts.yml", "../repository/deploy/alerts.yml.md"),
        ("docs/index.md", "docs/ru/start.md", "../ru/start.html"),
        ("docs/ru/start.md", "docs/operate/letters.md", "../en/operate/letters.html"),
        ("docs/ru/start.md", "docs/decisions/README.md", "../en/decisions/index.html"),
        ("docs/ru/start.md", "deploy/README.md", "../en/repository/deploy/index.html"),
        ("CONTRIBUTING.md", "docs/index.md", "../index.md"),
    ],
)
def test_a_link_leads_to_where_its_file_stands_on_the_site(source: str, target: str, expected: str) -> None:
    assert link(place_of(ROOT / source), place_of(ROOT / target)) == expected


def test_files_of_the_repository_that_pages_link_to_have_pages(sources: Path) -> None:
    shown = (sources / "en" / "repository" / "deploy" / "alerts.yml.md").read_text()
    assert shown.startswith("# deploy/alerts.yml\n\n````yaml\n")
    assert (ROOT / "deploy" / "alerts.yml").read_text() in shown
    assert (sources / "en" / "repository" / "CONTRIBUTING.md").is_file()


def test_links_in_blocks_of_code_stay_as_they_are(sources: Path) -> None:
    assert not (sources / "en" / "ru").exists()
    page = (sources / "en" / "repository" / "CONTRIBUTING.md").read_text()
    assert "(../reliability.md)" in page


def test_pages_in_both_languages_are_known_to_the_switch() -> None:
    assert {"index.html", "start.html"} <= set(translated())


def test_what_is_vendored_is_what_was_published() -> None:
    folder = ASSETS / "iframe-worker"
    wanted = tomllib.loads((folder / "VENDORED.toml").read_text())["files"]
    assert {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in wanted} == wanted
    assert len(wanted) == 1


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ('<a href="there.html#here">', None),
        ('<a href="#place"><i id="place">', None),
        ('<a href="https://example.org/x">', None),
        ('<img src="data:image/png;base64,AAAA">', None),
        ('<a href="gone.html">', "en/page.html links to gone.html"),
        ('<a href="there.html#gone">', "en/page.html links to there.html#gone"),
        ('<a href="#gone">', "en/page.html links to #gone"),
        ('<img src="gone.png">', "en/page.html links to gone.png"),
        ('<script src="https://example.org/a.js">', "en/page.html loads https://example.org/a.js"),
        ('<link rel="stylesheet" href="//example.org/a.css">', "en/page.html loads //example.org/a.css"),
    ],
)
def test_the_check_finds_what_leads_nowhere_or_elsewhere(tmp_path: Path, html: str, problem: str | None) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "there.html").write_text('<h2 id="here">')
    (tmp_path / "en" / "page.html").write_text(html)
    assert problems(tmp_path) == ([problem] if problem else [])
