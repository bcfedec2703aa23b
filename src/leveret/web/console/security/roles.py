"""Roles of people in the console, and the person behind a request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from msgspec import Struct

Role = Literal["viewer", "operator"]
"""A viewer looks. An operator also changes: redrives, edits, discards, calls actions."""

ROLES: Final[tuple[Role, ...]] = ("viewer", "operator")
"""All roles; each may do what those before it may do."""

_CLAIM_PREFIX: Final = "console:"
"""What the names of our roles begin with in a token, which may hold roles of other systems too."""


class Visitor(Struct, frozen=True, kw_only=True):
    """A person who has signed in.

    Attributes:
        name: as the audit shows it.
        role: what this person may do.
        session: digest of the session's token, by which the session can be ended.
        ends_at: POSIX time in seconds at which the session ends at the latest.
    """

    name: str
    role: Role
    session: bytes = b""
    ends_at: float = 0.0

    def may(self, role: Role) -> bool:
        """Return whether this person may do what a role may do."""
        return ROLES.index(self.role) >= ROLES.index(role)


def role_of_claim(roles: Iterable[str]) -> Role | None:
    """Return the highest of our roles that a token names, such as ``console:operator``; None if it names none."""
    named = set(roles)
    return next((role for role in reversed(ROLES) if f"{_CLAIM_PREFIX}{role}" in named), None)
