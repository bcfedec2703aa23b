"""Tells quickly whether JSON surely holds no secret, so that most letters need not be taken apart to be masked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from leveret.wire.masking import JWT_MARK

_DELETED: Final = bytes(sign for sign in range(256) if not chr(sign).isascii() or not chr(sign).isalnum())
"""All bytes but letters and digits of ASCII: a name is found whatever signs stand in it."""

_ESCAPE: Final = re.compile(rb"\\[^u]")
_LIKE_ASCII: Final = tuple(sign.encode() for sign in "\u0130\u0131\u017f\u212a")
"""Letters that are an i, an s or a k where case does not count."""

_TOKEN: Final = re.compile(JWT_MARK + r"[\w-]{8,}\.[\w-]+\.")


def surely_clean(secrets: Iterable[str]) -> Callable[[bytes, str], bool]:
    """Make a function that tells of JSON, in bytes and as a text, whether `without_secrets` would leave it as it is.

    It is wrong in one direction only: what it takes to be clean is clean.

    Args:
        secrets: names of fields whose values must not be written down.
    """
    names = frozenset(secrets)
    needles = frozenset("".join(filter(str.isalnum, name)).lower().encode() for name in names)
    usable = all(name.isascii() for name in names) and b"" not in needles

    def is_clean(written: bytes, text: str) -> bool:
        if not usable or b"\\u" in written or _TOKEN.search(text):
            return False
        if not written.isascii() and any(sign in written for sign in _LIKE_ASCII):
            return False
        bare = _ESCAPE.sub(b"", written) if b"\\" in written else written
        bare = bare.translate(None, _DELETED).lower()
        return not any(needle in bare for needle in needles)

    return is_clean
