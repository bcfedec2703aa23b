"""The settings that an application has where nothing is set."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any, Final

from leveret.settings import Settings, values
from leveret.settings.settings import check_names

_PREFIX: Final = re.compile(r"[A-Z][A-Z0-9_]*_")


def check_class(kind: object, name: str) -> None:
    """Check that this is a class of settings, and a dataclass itself: a mere subclass would ignore its fields.

    Raises:
        TypeError: it is not.
        ValueError: two of its fields are set by one variable.
    """
    if not (isinstance(kind, type) and issubclass(kind, Settings) and "__dataclass_fields__" in vars(kind)):
        raise TypeError(
            f"settings={kind!r} cannot be the settings of {name}: write a subclass of leveret.Settings, decorated with "
            "@dataclass(frozen=True, kw_only=True, slots=True)"
        )
    check_names(kind)


def build_defaults(
    kind: type[Settings], name: str, *, prefix: str | None, queues: str | None, database: str | None
) -> Settings:
    """Make the settings that hold where nothing is set.

    What the application gives has precedence over what the class decides itself, and that over what follows from the
    name.

    Args:
        kind: the class of the settings.
        name: the application's name.
        prefix: what the names of its settings begin with, if it gives that.
        queues: what the names at the broker begin with, if it gives that.
        database: URL of its database, if it gives that.

    Raises:
        ValueError: one of them is not what it may be; the settings in the environment are checked in the same way.
    """
    usual = {each.name: each for each in fields(Settings)}
    decided = {each.name for each in fields(kind) if each is not usual.get(each.name)}
    following = {
        "name": name,
        "prefix": f"{name.upper().replace('-', '_')}_",
        "queue_prefix": name,
        "database_url": f"sqlite:///{name}.db",
    }
    given = {"prefix": prefix, "queue_prefix": queues, "database_url": database}
    wanted: dict[str, Any] = {attribute: value for attribute, value in following.items() if attribute not in decided}
    wanted |= {attribute: value for attribute, value in given.items() if value is not None}
    return _checked(replace(kind(), **wanted), name)


def _checked(defaults: Settings, name: str) -> Settings:
    if not _PREFIX.fullmatch(prefix := defaults.prefix):
        raise ValueError(f"{prefix!r} cannot be a prefix of settings: write capital letters and digits, and _ last")
    try:
        queues = values.queue_prefix(defaults.queue_prefix)
    except ValueError as error:
        raise ValueError(f"{name} cannot have these queues: {error}") from None
    try:
        database = values.database_url(defaults.database_url)
    except ValueError as error:
        raise ValueError(f"{name} cannot have this database: {error}") from None
    return replace(defaults, queue_prefix=queues, database_url=database)
