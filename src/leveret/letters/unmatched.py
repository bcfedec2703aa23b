"""What is told when no letter meets the conditions that somebody has named."""

from __future__ import annotations

from msgspec.structs import replace

from leveret.errors import LeveretError
from leveret.letters.filters import LetterFilter
from leveret.letters.index.index import LetterIndex


class NoSuchLetters(LeveretError):
    """No letter meets conditions; the text says which ones, or that there is no such group."""


def why_none(wanted: LetterFilter, index: LetterIndex, where: str = "queue") -> str:
    """Return why no letter meets conditions, for a person.

    Empty where nothing but ids or all letters are asked for: then the ids that are missing are told one by one, and
    all letters of an empty queue are no mistake.

    Args:
        wanted: the conditions.
        index: the letters that were looked at; none of them meets the conditions.
        where: what these letters lie in.
    """
    if replace(wanted, ids=()).everything:
        return ""
    group = wanted.group.lower()
    if group and not any(known.fingerprint.startswith(group) for known in index.groups()):
        return f"there is no group {wanted.group!r} among the letters of the {where}: `letters groups` names groups"
    return f"no letter in the {where} meets the conditions: {wanted.in_words()}"
