"""What an overview has found, in the language of the person who reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from markupsafe import Markup

from leveret.operate.overview import HiddenPart, Problem
from leveret.operate.overview.sentences import Value
from leveret.web.console.languages.catalogue import Language
from leveret.web.console.showing.moments import span

_OF_PARTS: Final = frozenset({"broker_away", "broker_alarm", "database_away", "database_unfit", "reports_missing"})
"""Problems of what the system stands on."""

_COMMAND: Final = re.compile("`([^`]+)`")


def problem_text(problem: Problem, speech: Language) -> Markup:
    """Return what is wrong."""
    return _said(f"problem.{problem.kind}", problem.values, speech)


def problem_advice(problem: Problem, speech: Language) -> Markup:
    """Return what to do, with commands in it as such."""
    said = _said(f"advice.{problem.kind}", problem.values, speech)
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(said)))  # noqa: S704 - it is escaped already


def problem_link(problem: Problem) -> tuple[str, str]:
    """Return the address at which more is to be seen of a problem, and the key of the words for it."""
    if problem.kind == "held_long":
        return f"/request?{urlencode({'id': problem.values['id']})}", "overview.see_request"
    if problem.kind == "letters_grow":
        return f"/letters?newer={int(problem.values['span'])}s", "overview.see_letters"
    if problem.kind == "index_missing":
        return "/letters", "overview.see_letters"
    if problem.kind in _OF_PARTS:
        return "#parts", "overview.see_parts"
    return "#workers", "overview.see_workers"


def blind_text(blind: HiddenPart, speech: Language) -> Markup:
    """Return what cannot be seen."""
    return speech.say(f"blind.{blind.kind}", words=speech.retell(blind.words))


def _said(key: str, values: Mapping[str, Value], speech: Language) -> Markup:
    shown = {name: _shown(name, value, speech) for name, value in values.items()}
    number = shown.pop("n", None)
    if isinstance(number, int) and speech.counts(key):
        return speech.count(key, number, **shown)
    return speech.say(key, **shown)


def _shown(name: str, value: Value, speech: Language) -> Value:
    if isinstance(value, float):
        return span(value, speech)
    return speech.retell(value) if name == "words" and isinstance(value, str) else value
