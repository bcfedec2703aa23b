"""What an overview has found, in the language of the person who reads it."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from leveret.operate.overview import HiddenPart, Problem
from leveret.operate.overview.sentences import Value
from leveret.web.console.languages.catalogue import Language
from leveret.web.console.showing.moments import span


def problem_text(problem: Problem, speech: Language) -> Markup:
    """Return what is wrong."""
    return _said(f"problem.{problem.kind}", problem.values, speech)


def problem_advice(problem: Problem, speech: Language) -> Markup:
    """Return what to do."""
    return _said(f"advice.{problem.kind}", problem.values, speech)


def blind_text(blind: HiddenPart, speech: Language) -> Markup:
    """Return what cannot be seen."""
    return speech.say(f"blind.{blind.kind}", words=blind.words)


def _said(key: str, values: Mapping[str, Value], speech: Language) -> Markup:
    shown = {name: span(value, speech) if isinstance(value, float) else value for name, value in values.items()}
    number = shown.pop("n", None)
    if isinstance(number, int) and speech.counts(key):
        return speech.count(key, number, **shown)
    return speech.say(key, **shown)
