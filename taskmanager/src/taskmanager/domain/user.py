"""Users and new users."""

from __future__ import annotations

from dataclasses import dataclass, field

from taskmanager.domain import rules


@dataclass(frozen=True, slots=True)
class User:
    """A stored user, without secrets."""

    id: int
    email: str
    full_name: str | None
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class NewUser:
    """The fields of a user who wants to register.

    Attributes:
        email: the email in the form that is stored: in lower case and in NFC.
        full_name: the name, unchanged.
        former_email: the email in the form that was stored before NFC was used.

    Raises:
        BrokenRule: a field breaks a rule.
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
    """The id of a user, the hash that a login's password is compared with, and whether it is an administrator."""

    user_id: int
    password_hash: str = field(repr=False)
    is_admin: bool = False
