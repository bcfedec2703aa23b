"""Says in another language what the framework says to people in English: sentences with values in them."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent
_COUNTED: Final = ("letters", "messages", "attempts")
"""Names of values that are a number of something, such as ``3 letters``."""

_INNER: Final = "inner"
"""The section of sentences that only stand within others."""

_NUMBER: Final = re.compile(r"([\d,]+) \w+")
_LONGEST: Final = 2000
"""Characters of a text that is looked up; a longer one holds data."""


class RetoldSentence:
    """One sentence in English, and in another language.

    Args:
        english: with the names of its values in braces.
        other: the same in the other language.
    """

    def __init__(self, english: str, other: str) -> None:
        parts = list(string.Formatter().parse(english))
        pattern = "".join(re.escape(literal) + _hole(name) for literal, name, _, _ in parts)
        self.literal = sum(len(literal) for literal, *_ in parts)
        self.begin = parts[0][0]
        self.other = other
        self._match = re.compile(pattern, re.DOTALL).fullmatch

    def values(self, text: str) -> Mapping[str, str] | None:
        """Return the values in a text; None if it is not this sentence."""
        found = self._match(text) if text.startswith(self.begin) else None
        return None if found is None else found.groupdict()


class Retelling:
    """All sentences of one language; texts that are not among them stay as they are.

    Args:
        sentences: in English, and in the language; by the names of their sections.
        count: says a number of something in the language.
    """

    def __init__(self, sentences: Mapping[str, Mapping[str, str]], count: Callable[[str, int], str]) -> None:
        pairs = [(name, *pair) for name, section in sentences.items() for pair in section.items()]
        made = [(name, RetoldSentence(english, other)) for name, english, other in pairs]
        made.sort(key=lambda pair: -pair[1].literal)  # a sentence with more words of its own comes before one with less
        self._all: Sequence[RetoldSentence] = [sentence for _, sentence in made]
        self._outer = [sentence for name, sentence in made if name != _INNER]
        self._count = count
        self.say = lru_cache(4096)(self._say)

    def _say(self, text: str) -> str:
        """Return a text in the language, as far as it is known."""
        return text if len(text) > _LONGEST else self._said(text, self._outer)

    def _said(self, text: str, among: Sequence[RetoldSentence]) -> str:
        for sentence in among:
            values = sentence.values(text)
            if values is not None:
                return sentence.other.format(**{name: self._value(name, value) for name, value in values.items()})
        return text

    def _value(self, name: str, value: str) -> str:
        if name == "said":
            return self._said(value, self._all)
        if name not in _COUNTED:
            return value
        found = _NUMBER.fullmatch(value)
        return self._count(name, int(found[1].replace(",", ""))) if found else value


def _hole(name: str | None) -> str:
    if name is None:
        return ""
    return rf"(?P<{name}>[\d,]+ \w+)" if name in _COUNTED else rf"(?P<{name}>.+?)"


@cache
def sentences(code: str) -> Mapping[str, Mapping[str, str]]:
    """Return the sentences of a language by the English ones, in sections; none for a language without such a list."""
    path = _FOLDER / f"{code}.said.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
