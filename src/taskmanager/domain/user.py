"""Users: what is known of one, and what makes a new one."""

from __future__ import annotations

from dataclasses import dataclass, field

from taskmanager.domain import rules


@dataclass(frozen=True, slots=True)
class User:
    """A user as it is kept, without anything secret."""

    id: int
    email: str
    full_name: str | None
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class NewUser:
    """Somebody who wants to register; the email is kept in lower case and in NFC.

    Attributes:
        email: as it is kept.
        full_name: as it was given.
        former_email: as the email was kept before that was in NFC.

    Raises:
        BrokenRule: a field is out of its limits.
    """

    email: str
    full_name: str | None = None
    former_email: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "former_email", rules.former_email(self.email))
        object.__setattr__(self, "email", rules.email(self.email))
        rules.full_name(self.full_name)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a login is checked against."""

    user_id: int
    password_hash: str = field(repr=False)
