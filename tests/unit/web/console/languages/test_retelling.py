"""What the framework says in English is said in Russian too, wherever a page shows it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import leveret
from leveret.web.console.languages.catalogue import language
from leveret.web.console.languages.retelling import Retelling, sentences

ROOT = Path(leveret.__file__).parent
RUSSIAN = sentences("ru")
SHOWN = (
    *sorted((ROOT / "operate" / "explain").glob("*.py")),
    *sorted((ROOT / "operate" / "archive").glob("*.py")),
    *sorted((ROOT / "operate" / "edit").glob("*.py")),
    *sorted((ROOT / "letters" / "edit").glob("*.py")),
    *(ROOT / "operate" / "overview" / f"{name}.py" for name in ("queues", "reports", "database", "samples")),
    *(ROOT / "operate" / "operations" / f"{name}.py" for name in ("operations", "options", "redriving", "results")),
    *(ROOT / "operate" / "what_if" / f"{name}.py" for name in ("not_run", "trial_process", "trying")),
    *(ROOT / "letters" / f"{name}.py" for name in ("unmatched", "redrive", "walk")),
    *(ROOT / "letters" / "index" / f"{name}.py" for name in ("schema", "words")),
    ROOT / "web" / "console" / "letters.py",
    ROOT / "web" / "console" / "operations.py",
)
"""The modules whose sentences pages show."""

NOT_SHOWN = {
    "an operation ended: %s",
    "a job that is tried alone has no such result: 7",
    "they are not opened yet",
    "the process 7",
    "7 letters are to be moved, and nobody said where",
    "operation 7",
    "text: 7 words: expected 7 at most",
}
"""Log lines, errors of programmers, and parts of sentences."""

CODE = re.compile(r"[A-Z]{4,} |PRAGMA|[<>=?|]|\w\.\w+[ ,]|sqlite|_\w+ \(|words \(|^\W*AND\b|^\w*IN \(")


def said_in(path: Path) -> Iterator[str]:
    """Return the texts of a module that are sentences; 7 stands for each value, 7 letters for a number of them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)} | {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(_part(part) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts:
            text = re.sub(r"{(\w*)}", lambda found: _value(found[1]), node.value)
        else:
            continue
        if len(re.findall(r"\b[a-z]+\b", text)) >= 3 and not CODE.search(text):
            yield text


def _part(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    return _value(ast.unparse(part.value))


def _value(source: str) -> str:
    special = {"more": "7 letters are", "letters": "7 letters", "": "7 messages", "where": "operation 7"}
    counted = re.fullmatch(r"counted\(.*'(\w+)'\)", source)
    return f"7 {counted[1]}s" if counted else special.get(source, "7")


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_sentence_of_a_module_is_known_in_russian(path: Path) -> None:
    known = Retelling({"all": {english: other for each in RUSSIAN.values() for english, other in each.items()}}, _count)
    said = {text for text in said_in(path) if text not in NOT_SHOWN}
    assert {text for text in said if known.say(text) == text} == set()


def _count(what: str, number: int) -> str:
    return f"{number} {what}"


def test_sentences_are_found_in_the_modules_at_all() -> None:
    found = {text for path in SHOWN for text in said_in(path)}
    assert "it was executed, and its response is stored" in found
    assert "7 letters of the queue could not be looked through" in found
    assert len(found) > 80


def test_a_sentence_in_russian_names_the_same_values() -> None:
    name = re.compile(r"{(\w+)}")
    pairs = [pair for section in RUSSIAN.values() for pair in section.items()]
    unlike = [english for english, other in pairs if not set(name.findall(other)) <= set(name.findall(english))]
    assert unlike == []
    names_only = ["{product} {version} at amqp{address}", "path: {said}", "from: {said}"]
    assert [english for english, other in pairs if other.isascii()] == names_only


@pytest.mark.parametrize(
    ("english", "russian"),
    [
        ("not looked at yet", "ещё не смотрели"),
        ("2 letters of the queue could not be looked through", "в очереди не удалось просмотреть: 2 письма"),
        ("5 letters failed again", "снова сбой: 5 писем"),
        ("operation 2, add /x: there is no 'y'", "операция 2, add /x: 'y' там нет"),
        ("1 letter of step 2 of 3 failed again", "снова сбой: 1 письмо, шаг 2 из 3"),
    ],
)
def test_a_text_with_values_is_said_in_russian(english: str, russian: str) -> None:
    assert language("ru").retell(english) == russian
    assert language("en").retell(english) == english


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("an attempt failed: there is no 'y'", "there is no 'y'"),
        ("there is no 'y'", "there is no 'y'"),
        ("KeyError: its letter was discarded", "its letter was discarded"),
        ("what is there is another value", "what is there is another value"),
        ("it was given up: " + "x" * 3000, "it was given up: " + "x" * 3000),
    ],
)
def test_what_strangers_and_libraries_say_stays_as_it_is(said: str, kept: str) -> None:
    assert language("ru").retell(said).endswith(kept)
