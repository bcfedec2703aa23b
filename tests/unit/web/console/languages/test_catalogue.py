"""The catalogues: the same keys in each language, and every text of a page is in them."""

import re
import string
from pathlib import Path
from typing import Any

import pytest

from leveret.operate.overview.sentences import BLIND, SENTENCES
from leveret.web.console.languages.catalogue import PLURALS, Text, chosen, language, texts_of
from leveret.web.console.showing.templates import TEMPLATES, environment

TEXTS: dict[str, dict[str, Text]] = {code: texts_of(code) for code in PLURALS}
PAGES = sorted(TEMPLATES.glob("*.html"))
SHOWN_ATTRIBUTE = re.compile(r"""\b(?:title|aria-label|placeholder|alt)=["']([^"']*)["']""")
KEY = re.compile(r"\b(?:say|count)\('([\w.]+)'[,)]")
UNITS = {"95 %", "99 %", "2h"}


def fields(text: Text) -> set[str]:
    forms = [text] if isinstance(text, str) else text
    return {str(field) for form in forms for _, field, _, _ in string.Formatter().parse(form) if field}


def test_all_languages_have_the_same_keys_with_the_same_values_in_them() -> None:
    assert TEXTS["en"].keys() == TEXTS["ru"].keys()
    assert {key for key in TEXTS["en"] if fields(TEXTS["en"][key]) != fields(TEXTS["ru"][key])} == set()


@pytest.mark.parametrize("code", PLURALS)
def test_every_kind_of_finding_is_said_in_each_language(code: str) -> None:
    kinds = {key.partition(".")[::2] for key in TEXTS[code] if key.startswith(("problem.", "advice.", "blind."))}
    wanted = {(part, kind) for kind in SENTENCES for part in ("problem", "advice")} | {
        ("blind", kind) for kind in BLIND
    }
    assert kinds == wanted


def test_a_text_with_a_number_has_all_forms_of_its_language() -> None:
    for code, texts in TEXTS.items():
        lengths = {len(text) for text in texts.values() if isinstance(text, list)}
        assert lengths == {PLURALS[code][0]}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_template_says_anything_itself(page: Path) -> None:
    source = page.read_text()
    bare = re.sub(r"{[{%#].*?[}%#]}", "", source, flags=re.DOTALL)
    said = [text for attribute in SHOWN_ATTRIBUTE.findall(bare) if (text := attribute.strip())]
    between = re.sub(r"<[^>]*>", "\n", re.sub(r"<!doctype html>", "", bare)).split("\n")
    said += [text for line in between if any(map(str.isalpha, text := line.strip()))]
    assert [text for text in said if text not in UNITS and not re.fullmatch(r"[/jk?·]|Enter", text)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_text_that_a_template_names_is_there(page: Path) -> None:
    environment().get_template(page.name)
    assert {key for key in KEY.findall(page.read_text()) if key not in TEXTS["en"]} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_template_is_longer_than_300_lines_or_has_a_style_of_its_own(page: Path) -> None:
    source = page.read_text()
    assert len(source.splitlines()) <= 300
    assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", source)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_element_of_htmx_has_the_nonce_of_its_page(page: Path) -> None:
    elements = re.findall(r"<[^>]*\shx-[^>]*>", page.read_text())
    assert [element for element in elements if 'hx-nonce="{{ nonce }}"' not in element] == []


@pytest.mark.parametrize(
    ("number", "form"), [(1, "затронут "), (21, "затронут "), (2, "запроса"), (11, "запросов"), (25, "запросов")]
)
def test_russian_numbers_take_their_forms(number: int, form: str) -> None:
    assert form in language("ru").count("overview.felt", number)


@pytest.mark.parametrize(
    ("cookie", "accepted", "code"),
    [
        (None, "", "en"),
        (None, "ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        (None, "de, fr", "en"),
        ("en", "ru", "en"),
        ("../x", "ru", "ru"),
    ],
)
def test_a_choice_comes_before_what_the_browser_asks_for(cookie: Any, accepted: str, code: str) -> None:
    assert chosen(cookie, accepted).code == code


def test_values_in_a_text_are_escaped() -> None:
    assert language("en").say("problem_page.not_there", what="<b>\u202e") == "It is not there: &lt;b&gt;\\u202e"
