"""The header ``Prefer`` (RFC 7240): ``respond-async`` and ``wait=SECONDS``."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

HEADER: Final = "Prefer"

_PREFERENCE: Final = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*"?([^";,]*)"?)?\s*(?:;[^,]*)?')
_LONGEST: Final = 6
"""Digits of a number of seconds that is read."""


class Preferences(Struct, frozen=True):
    """What a caller prefers.

    Attributes:
        is_async: the caller does not want to wait for the answer.
        wait: seconds that the caller wants to wait at most; None where nothing is said.
    """

    is_async: bool = False
    wait: int | None = None

    def applied(self, *, is_async: bool) -> dict[str, str]:
        """Return the header that says which preferences were followed.

        Args:
            is_async: whether the answer says that the request was accepted, and not what came of it.
        """
        words = ["respond-async"] if is_async else []
        words += [f"wait={self.wait}"] if self.wait is not None else []
        return {"Preference-Applied": ", ".join(words)} if words else {}


NOTHING_PREFERRED: Final = Preferences()


def read_preferences(values: list[str]) -> Preferences:
    """Read the header; what is not known, or cannot be read, is left aside (RFC 7240, 2).

    Args:
        values: of the header, one for each time that it stands there. Of two preferences with one name the first
            counts.
    """
    if not values:
        return NOTHING_PREFERRED
    found: dict[str, str] = {}
    for part in ",".join(values).split(","):
        if read := _PREFERENCE.fullmatch(part):
            found.setdefault(read[1].lower(), read[2] or "")
    seconds = found.get("wait", "").strip()
    wait = int(seconds) if seconds.isdecimal() and seconds.isascii() and len(seconds) <= _LONGEST else None
    return Preferences("respond-async" in found, wait)
