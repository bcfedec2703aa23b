"""What makes dead letters the same failure: the action, the error and its place, but not the line. No I/O."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from msgspec import Struct

LONGEST_NAME: Final = 200
"""Characters of each part of a failure that count; the rest is cut off, because strangers write some of them."""

LENGTH: Final = 16
"""Characters of a fingerprint."""

_LINE: Final = re.compile(r"(?::\d+)+$|,? line \d+$|#L\d+$")


class LetterCause(Struct, frozen=True):
    """Why requests were given up, and where; letters with the same failure are one group.

    Attributes:
        action: the version and name of the action, such as ``v1.create_task``; empty where nobody can tell.
        exception: the qualified name of the error's class; empty where no error was the reason.
        place: file of the application in which the error was raised, without a line; empty where that is not known.
        code: why, for programs.
    """

    action: str
    exception: str
    place: str
    code: str

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that stay the same when lines of the file move.

        The code counts only where there is no error: the same error may end with `internal`, or after retries.
        """
        known = (self.action, self.exception, self.place, "" if self.exception else self.code)
        return hashlib.blake2b("\0".join(known).encode(errors="replace"), digest_size=LENGTH // 2).hexdigest()


def cause_of(action: str, exception: str, place: str, code: str) -> LetterCause:
    """Return the failure that a letter tells of; what is too long is cut, and the line is taken from the place."""
    return LetterCause(action[:LONGEST_NAME], exception[:LONGEST_NAME], without_line(place)[:LONGEST_NAME], code)


def without_line(place: str) -> str:
    """Return a place without its line: ``shop/sell.py:7`` becomes ``shop/sell.py``."""
    return _LINE.sub("", place.strip())
