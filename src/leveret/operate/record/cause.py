"""Who changes something, and why."""

from __future__ import annotations

import getpass
import socket
from typing import Final

from msgspec import Struct

from leveret.sql.operation_tables import LONGEST_NAME_OF_PERSON
from leveret.wire.masking import shown

LONGEST_WHY: Final = 2_000
"""Characters of a reason or of a note that are kept."""

_KEPT_OF_NAME: Final = LONGEST_NAME_OF_PERSON - 30
"""Characters of a name that are kept; behind a longer one it says how long it was."""


class Cause(Struct, frozen=True, kw_only=True):
    """Who changes something, and why.

    Attributes:
        by: who.
        why: the reason; may be empty.
        incident: the name of the incident to which this belongs; may be empty.
    """

    by: str
    why: str = ""
    incident: str = ""

    def kept(self) -> Cause:
        """Return it as it is written down: shortened, and without characters that are not printable."""
        by, incident = (shown(text, _KEPT_OF_NAME) for text in (self.by, self.incident))
        return Cause(by=by, why=shown(self.why, LONGEST_WHY), incident=incident)


def who_am_i() -> str:
    """Return ``user@host`` for whoever runs this program."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
