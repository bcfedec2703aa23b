"""Russian pages show what the English ones show, so that the tests that run the English blocks hold for both."""

from pathlib import Path

import pytest

from scripts.docs.places import DOCS, LANGUAGES
from support.pages import PAGES, english, name
from support.walking import blocks

TRANSLATED = [page for page in PAGES if english(page) != page and page.name != "index.md"]


def test_the_pages_with_which_people_begin_are_translated() -> None:
    assert {"docs/ru/start.md", "docs/ru/tutorial.md", "docs/ru/operate/incident.md"} <= set(map(name, TRANSLATED))
    assert LANGUAGES["ru"] == DOCS / "ru"


@pytest.mark.parametrize("page", TRANSLATED, ids=name)
def test_a_translation_has_the_same_blocks_in_the_same_order(page: Path) -> None:
    shown = [(block.language, block.code) for block in blocks(page)]
    assert shown == [(block.language, block.code) for block in blocks(english(page))]
    assert shown


@pytest.mark.parametrize("page", TRANSLATED, ids=name)
def test_a_translation_has_the_same_sections_and_files(page: Path) -> None:
    """Each file is saved under the same name, and no section is missing."""
    assert [block.file for block in blocks(page)] == [block.file for block in blocks(english(page))]
    counts = [text.read_text().count("\n## ") for text in (page, english(page))]
    assert counts[0] == counts[1]
