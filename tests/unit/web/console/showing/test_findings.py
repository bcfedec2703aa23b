"""What an overview has found, in each language."""

import pytest

from leveret.operate.overview import HiddenPart, Problem
from leveret.operate.overview.sentences import BLIND, SENTENCES, Value
from leveret.web.console.languages.catalogue import PLURALS, language
from leveret.web.console.showing.findings import blind_text, problem_advice, problem_link, problem_text

VALUES: dict[str, Value] = {"n": 3, "waiting": 900, "limit": 1000, "span": 300.0, "pid": "31972", "host": "ant<b>"}
WORDS = ("words", "doctor", "worker", "letters", "action", "id", "versions")


def problem(kind: str, **instead: Value) -> Problem:
    values: dict[str, Value] = {**dict.fromkeys(WORDS, "said"), **VALUES, **instead}
    return Problem(code=kind, kind=kind, values=values, weight="wrong", since=None, felt=None)


@pytest.mark.parametrize("code", PLURALS)
@pytest.mark.parametrize("kind", SENTENCES)
def test_every_problem_is_said_with_its_values_in_it(code: str, kind: str) -> None:
    for text in (problem_text(problem(kind), language(code)), problem_advice(problem(kind), language(code))):
        assert "{" not in text
        assert text.isascii() is (code == "en")


def test_durations_numbers_and_strangers_names_are_those_of_the_language() -> None:
    russian = language("ru")
    assert problem_text(problem("letters_grow"), russian).endswith("последние 5 мин не удались 3 запроса")
    assert problem_text(problem("letters_grow", n=21), russian).endswith("последние 5 мин не удался 21 запрос")
    assert "31972 на машине ant&lt;b&gt;" in problem_text(problem("worker_silent"), russian)
    assert problem_text(problem("letters_grow"), language("en")) == "3 requests were given up in the last 5 min"


@pytest.mark.parametrize("kind", BLIND)
def test_what_cannot_be_seen_is_said_in_russian_too(kind: str) -> None:
    blind = HiddenPart(kind, "why")  # type: ignore[arg-type]  # all of them are kinds
    assert not blind_text(blind, language("ru")).isascii()
    assert blind_text(blind, language("en")) == blind.text


@pytest.mark.parametrize("kind", SENTENCES)
def test_every_problem_leads_to_where_more_of_it_is_to_be_seen(kind: str) -> None:
    where, key = problem_link(problem(kind, id="a&b"))
    special = {"held_long": "/request?id=a%26b", "letters_grow": "/letters?newer=300s", "index_missing": "/letters"}
    assert where == special.get(kind, where)
    assert where in {*special.values(), "#parts", "#workers"}
    assert all(language(code).knows(key) for code in PLURALS)


def test_commands_in_an_advice_stand_out_and_their_words_stay_escaped() -> None:
    said = problem_advice(problem("letters_grow", letters="leveret letters <b>:app"), language("en"))
    assert said.startswith("<code>leveret letters &lt;b&gt;:app</code> shows why")
