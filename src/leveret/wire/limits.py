"""How large the messages on the wire may be."""

from __future__ import annotations

from typing import Final

LARGEST_REQUEST: Final = 256 * 1024
"""Bytes of a request's body, when its caller sends it."""

LARGEST_MOVED_REQUEST: Final = 2 * LARGEST_REQUEST + 1024
"""Bytes of a request's body after a worker has written it anew: with a ticket, and with numbers in another form."""

DEEPEST_NESTING: Final = 64
"""Levels of objects and arrays within one another."""

MOST_VALUES: Final = 10_000
"""Values in one body: objects, arrays, texts, numbers and all others. One of a few bytes takes up to 240 in memory."""

LONGEST_ERROR_TEXT: Final = 1000
"""Characters of an error's text in a response; it may repeat what a caller sent."""

LARGEST_DETAILS: Final = 64 * 1024
"""Bytes of an error's details in a response; larger ones are left out."""
