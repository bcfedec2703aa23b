"""Finding a resource by the type that a parameter names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

_UNIONS: Final = (UnionType, Union)
"""What a union is made of: ``X | None``, and ``Optional[X]`` or ``Union`` with a text in it."""


def among(kind: Any, kinds: Collection[Any]) -> Any:
    """Return which of several types a parameter's type names; None if it names none of them.

    A parameter names its type itself, or, where that is not among them, the type beside ``None``: ``Mailer | None``
    names a ``Mailer``. A type without a hash is none of them.
    """
    if _has(kind, kinds):
        return kind
    member = _beside_none(kind)
    return member if _has(member, kinds) else None


def taken(needs: Mapping[str, Any], instances: Mapping[Any, object]) -> dict[str, object]:
    """Return the instances that are there, by the names of the parameters that name their types."""
    found = {name: among(kind, instances) for name, kind in needs.items()}
    return {name: instances[kind] for name, kind in found.items() if kind is not None}


def _beside_none(kind: Any) -> Any:
    """Return the one member that a union has beside None; None for all other types."""
    if get_origin(kind) not in _UNIONS:
        return None
    members = [member for member in get_args(kind) if member is not NoneType]
    return members[0] if len(members) == 1 else None


def _has(kind: Any, kinds: Collection[Any]) -> bool:
    try:
        return kind is not None and kind in kinds
    except TypeError:  # an Annotated type whose extras have no hash
        return False
