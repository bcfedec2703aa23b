"""Making users at the broker with the permissions that they need and no others."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from leveret.broker.connecting import BrokerTrouble
from leveret.broker.management import Administrator, Management, ManagementAddress, ManagementTrouble
from leveret.broker.users import BrokerUser

__all__ = ["BrokerUser", "GrantedUser", "apply_users", "grant"]

_PASSWORD_BYTES: Final = 24
"""Random bytes in a password."""


class GrantedUser(Struct, frozen=True):
    """A user as it is now. Its text hides the password.

    Attributes:
        name: its name at the broker.
        made: it was not there before.
        password: the random one that was made for it, which nobody else knows; None if it was given, or left as it was.
    """

    name: str
    made: bool
    password: str | None

    def __repr__(self) -> str:
        return f"GrantedUser({self.name!r}, made={self.made!r})"


def apply_users(
    address: ManagementAddress, administrator: Administrator, vhost: str, users: Sequence[BrokerUser]
) -> Iterator[GrantedUser]:
    """Make users at the broker, or set what they may do in a vhost; see `grant`.

    Raises:
        BrokerTrouble: the management API does not answer or refuses.
    """
    try:
        yield from grant(Management(address, administrator), vhost, users)
    except ManagementTrouble as error:
        raise BrokerTrouble(str(error)) from error


def grant(management: Management, vhost: str, users: Sequence[BrokerUser]) -> Iterator[GrantedUser]:
    """Make users, or set what they may do in a vhost; doing it again changes nothing.

    Users with tags, such as administrators, are not touched: their passwords and permissions are not ours to change.

    Yields:
        Each user when it is done, so that no password that was made is lost because of a later failure.

    Raises:
        ManagementTrouble: there is no answer, it is a refusal, or one of the names is that of a user with tags (then
            nothing was done).
    """
    tags = {user.name: management.user_tags(user.name) for user in users}
    if len(tags) < len(users):
        raise ManagementTrouble("callers and workers need a user each: the names are the same")
    for name, found in tags.items():
        if found:
            raise ManagementTrouble(
                f"the user {name!r} has tags ({', '.join(found)}), which none of ours has: choose another name"
            )
    for user in users:
        yield _grant(management, vhost, user, made=tags[user.name] is None)


def _grant(management: Management, vhost: str, user: BrokerUser, *, made: bool) -> GrantedUser:
    password = user.password
    if made and password is None:
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
    if password is not None:
        management.set_password(user.name, password)
    try:
        management.permit(user.name, vhost, user.permissions)
    except ManagementTrouble as error:
        if made:  # nobody knows its password, so it would be useless
            _remove_again(management, user.name, error)
        raise
    return GrantedUser(user.name, made, None if user.password else password)


def _remove_again(management: Management, name: str, trouble: ManagementTrouble) -> None:
    try:
        management.remove_user(name)
    except ManagementTrouble as error:
        left = f"{trouble}; the user {name!r} was made before that and could not be removed: {error}"
        raise ManagementTrouble(left) from trouble
