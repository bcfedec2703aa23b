"""Waiting for a database that does not answer yet, when a program starts."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Final, TypeVar

from leveret.errors import StorageUnavailable
from leveret.process.backoff import Backoff

T = TypeVar("T")

logger: Final = logging.getLogger("leveret.database")

_WAITING_IS_VAIN: Final = re.compile(
    r"password authentication failed|no password supplied|authentication failed"
    r"|(?:role|database) \".*\" does not exist|no such (?:user|database)"
    r"|no pg_hba\.conf entry|not permitted to log in|permission denied for database"
    r"|unsupported startup parameter|certificate|private key"
)
"""Texts of a server, a pooler or libpq about a connection that stays refused until somebody changes something. A failed
connection has only a text, no code; when the text is in another language, the program waits."""


def when_available(attempt: Callable[[], T], pauses: Backoff | None = None) -> T:
    """Call a function until the database answers, with pauses that grow to 10 seconds; return what it returns.

    Before each pause the log says why, and how long the pause is. A KeyboardInterrupt ends the waiting.

    Raises:
        StorageUnavailable: the database refuses the connection for a reason that waiting does not cure.
    """
    for seconds in pauses or Backoff():
        try:
            return attempt()
        except StorageUnavailable as error:
            if _WAITING_IS_VAIN.search(str(error)):
                raise
            logger.warning("waiting for the database: %s; next try in %.1f s", error, seconds)
            time.sleep(seconds)
    raise AssertionError("pauses have no end")
