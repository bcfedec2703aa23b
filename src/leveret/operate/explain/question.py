"""What is asked, and what a source of facts is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from msgspec import Struct

from leveret.application import Application
from leveret.operate.explain.known import Findings
from leveret.settings import Settings


class Question(Struct, frozen=True):
    """A request that somebody asks about.

    Attributes:
        id: the request's id.
        app: the application.
        settings: its settings.
        secrets: names of fields that are not shown.
    """

    id: str
    app: Application[Any]
    settings: Settings
    secrets: frozenset[str]


FactSource: TypeAlias = Callable[[Question], Awaitable[Findings]]
"""Asks one source; it may raise whatever its source raises."""
