"""The application's API, and what its actions have at hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from leveret.api import Api, Context
from leveret.auth.keyring import Keyring
from leveret.errors import Unauthenticated
from taskmanager.passwords import Passwords


@dataclass(frozen=True, slots=True)
class Services:
    """What actions need beside the database.

    Attributes:
        passwords: hashes them.
        keyring: issues tokens.
        token_lifetime: how long a login lasts.
        allow_simulated_errors: a request may ask for a failure.
    """

    passwords: Passwords
    keyring: Keyring
    token_lifetime: timedelta
    allow_simulated_errors: bool = False


TaskContext = Context[Services]

api: Final = Api[Services]()


_ID: Final = re.compile("[1-9][0-9]{0,18}")
_LARGEST_ID: Final = 2**63 - 1
"""The largest that the tables hold."""


def caller(context: TaskContext) -> int:
    """Give the id of the user who calls: the token's ``sub`` is the id in decimal digits, without leading zeros.

    In another form it would be another principal with the same tasks: its own rate limit, its own stored responses.

    Raises:
        Unauthenticated: the subject is no user's id.
    """
    subject = context.principal.subject
    if not (_ID.fullmatch(subject) and (number := int(subject)) <= _LARGEST_ID):
        raise Unauthenticated("This token names no user")
    return number
