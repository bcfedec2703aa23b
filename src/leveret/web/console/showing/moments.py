"""Times as people read them: how long ago, with the moment itself beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from markupsafe import Markup

from leveret.web.console.languages.catalogue import Language

_UNITS: Final = ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))


def ago(moment: float | None, now: float, speech: Language) -> Markup:
    """Return a ``time`` element: how long ago a moment was, and the moment where one points at it.

    Args:
        moment: POSIX time in seconds; None where it is not known.
        now: POSIX time in seconds.
        speech: the language.
    """
    if moment is None:
        return speech.say("time.unknown")
    stamp = datetime.fromtimestamp(moment, UTC)
    text = _ago(now - moment, speech)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        stamp.isoformat(), stamp.strftime("%Y-%m-%d %H:%M:%S UTC"), text
    )


def span(seconds: float, speech: Language) -> Markup:
    """Return how long something takes, in one unit."""
    if seconds < 1.0:
        shown = f"{seconds * 1000:.0f}" if seconds >= 0.01 else f"{seconds * 1000:.1f}"
        return speech.say("time.milliseconds", n=shown)
    size, unit = next(pair for pair in _UNITS if seconds >= pair[0])
    number = seconds / size
    return speech.say(f"time.{unit}", n=f"{number:.1f}".removesuffix(".0") if number < 10 else f"{number:.0f}")


def _ago(seconds: float, speech: Language) -> Markup:
    if seconds < 1.0:
        return speech.say("time.now")
    size, unit = next(pair for pair in _UNITS if seconds >= pair[0])
    return speech.say("time.ago", span=speech.say(f"time.{unit}", n=f"{seconds // size:.0f}"))
