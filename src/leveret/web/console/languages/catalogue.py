"""Reads the catalogues, and says things in one of their languages."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from leveret.operate.overview.sentences import BLIND, SENTENCES
from leveret.web.console.languages.retelling import Retelling, sentences
from leveret.wire.masking import printable

_FOLDER: Final = Path(__file__).parent


def _english(number: int) -> int:
    return 0 if number == 1 else 1


def _russian(number: int) -> int:
    if number % 10 == 1 and number % 100 != 11:
        return 0
    return 1 if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else 2


PLURALS: Final[Mapping[str, tuple[int, Callable[[int], int]]]] = {"en": (2, _english), "ru": (3, _russian)}
"""For each language how many forms a noun has beside a number, and which one a number takes (CLDR, plural rules)."""

Text = str | list[str]
"""A text, or the forms of a text that holds a number."""


class Language:
    """One of the languages of the console.

    Args:
        code: as in the attribute ``lang``.
        texts: all texts by their keys.
    """

    def __init__(self, code: str, texts: Mapping[str, Text]) -> None:
        self.code = code
        self._texts = texts
        self._retelling = Retelling(sentences(code), lambda what, number: str(self.count(f"{what}.count", number)))

    def retell(self, text: str) -> str:
        """Return in this language what the framework says in English; data, and what nobody has translated, stays."""
        return self._retelling.say(text)

    def say(self, key: str, /, **values: object) -> Markup:
        """Return a text with values in it; their markup and what cannot be printed is escaped.

        Raises:
            KeyError: there is no such text, or a value is missing.
        """
        text = self._texts[key]
        if not isinstance(text, str):
            raise KeyError(f"{key} needs a number: use count")
        return Markup(text).format(**_safe(values))  # noqa: S704 - the catalogue is ours, and values are escaped

    def count(self, key: str, number: int, /, **values: object) -> Markup:
        """Return a text that holds a number, in the form that the number needs.

        Raises:
            KeyError: there is no such text, or a value is missing.
        """
        form = self._texts[key][PLURALS[self.code][1](number)]
        return Markup(form).format(n=f"{number:,}", **_safe(values))  # noqa: S704 - as in say

    def counts(self, key: str) -> bool:
        """Return whether a text holds a number.

        Raises:
            KeyError: there is no such text.
        """
        return isinstance(self._texts[key], list)

    def knows(self, key: str) -> bool:
        """Return whether there is a text with this key."""
        return key in self._texts


def _safe(values: Mapping[str, object]) -> dict[str, object]:
    return {name: printable(value) if type(value) is str else value for name, value in values.items()}


def keys_of(section: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Text]]:
    """Return the texts of a catalogue with their full keys, such as ``sign_in.title``."""
    for name, value in section.items():
        if isinstance(value, dict):
            yield from keys_of(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


@cache
def language(code: str) -> Language:
    """Return a language by its code; its catalogue is read once.

    Raises:
        KeyError: there is no such language.
    """
    if code not in PLURALS:
        raise KeyError(code)
    return Language(code, texts_of(code))


def texts_of(code: str) -> dict[str, Text]:
    """Return all texts of a language; the English sentences of overviews are those that the terminal shows too."""
    found = dict(keys_of(tomllib.loads((_FOLDER / f"{code}.toml").read_text(encoding="utf-8"))))
    return found | dict(_sentences()) if code == "en" else found


def _sentences() -> Iterator[tuple[str, Text]]:
    for kind, sentence in SENTENCES.items():
        yield f"problem.{kind}", sentence.text if isinstance(sentence.text, str) else list(sentence.text)
        yield f"advice.{kind}", sentence.advice
    for kind, text in BLIND.items():
        yield f"blind.{kind}", text


def chosen(cookie: str | None, accepted: str) -> Language:
    """Return the language that a person has chosen, or the first of ours that the browser asks for.

    Args:
        cookie: the choice, if there is one.
        accepted: the header Accept-Language.
    """
    wanted = [part.partition(";")[0].strip().lower().partition("-")[0] for part in accepted.split(",")]
    return language(next((code for code in (cookie, *wanted) if code in PLURALS), "en"))
