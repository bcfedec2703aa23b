"""What an entry of the audit says of letters that were changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from leveret.letters.removal import LetterReport

_MOST_NAMED: Final = 100
"""Ids of letters that an entry names; of more it has the number."""


def chosen(ids: Sequence[str] | None) -> dict[str, Any]:
    """Return which letters are to be changed; None stands for all."""
    if ids is None:
        return {"letters": "all"}
    return {"letters": list(ids[:_MOST_NAMED]), "named": len(ids)}


def counts(report: LetterReport) -> dict[str, Any]:
    """Return what became of them."""
    return {"done": report.done, "kept": report.kept, "missing": len(report.missing)}
