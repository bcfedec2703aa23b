"""What a check has found: one fact, how it is, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

State: TypeAlias = Literal["ok", "warning", "wrong", "unknown"]
"""All is well; somebody should look; it does not work, or will not; it could not be found out."""


class Finding(Struct, frozen=True, kw_only=True):
    """One fact.

    Attributes:
        room: what it is about: ``settings``, ``broker``, ``database`` or ``here``.
        what: the check that found it, a stable word for programs.
        state: how it is.
        text: the fact in words; nothing secret.
        advice: what to do; empty where nothing has to be done.
    """

    room: str = ""
    what: str = ""
    state: State
    text: str
    advice: str = ""


Findings: TypeAlias = Sequence[Finding]


def ok(text: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(state="ok", text=text)


def warning(text: str, advice: str) -> Finding:
    """Return a finding that somebody should look at."""
    return Finding(state="warning", text=text, advice=advice)


def wrong(text: str, advice: str) -> Finding:
    """Return a finding that something does not work, or will not."""
    return Finding(state="wrong", text=text, advice=advice)


def unknown(text: str, advice: str = "") -> Finding:
    """Return a finding that something could not be found out, with how to know it."""
    return Finding(state="unknown", text=text, advice=advice)
