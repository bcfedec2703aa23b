"""Inputs that were accepted and are refused now, found by giving the new decoder what the old contract allows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from leveret.contracts.diff.allowed import Allowed
from leveret.contracts.diff.door import RefusedMessage, WorkersDoor
from leveret.contracts.diff.limits import limits_of
from leveret.contracts.diff.report import Break
from leveret.contracts.diff.sides import Side
from leveret.contracts.diff.values import GONE, Path, ValueChange, Values
from leveret.wire.codec import canonical

_MOST_REPAIRS: Final = 8
_BEHIND: Final = re.compile(r"[.\[].*")
"""What stands behind the first name in a place."""


class InputComparison:
    """Compares what an action takes with what it took.

    Args:
        old: the action in the old contract.
        new: the action now.
        name: version and name under which it is called now.
        door: gives requests to the new decoder.

    Attributes:
        tried: how many inputs were tried.
    """

    def __init__(self, old: Side, new: Side, name: str, door: WorkersDoor) -> None:
        self._old, self._name, self._door = old, name, door
        self._was_allowed = Allowed(old.action.takes, old.types)
        self._is_allowed = Allowed(new.action.takes, new.types)
        self._values = Values(old.types, limits_of([(old.action.takes, old.types), (new.action.takes, new.types)]))
        self._same = old.takes_the_same(new)
        self._refused = {(tuple(place.at), canonical(value)) for place in old.action.tried for value in place.refused}
        self.tried = 0

    def breaks(self, subject: str) -> Iterator[Break]:
        """Return what callers of the old contract cannot send any more: the plainest message for each field."""
        found: dict[tuple[str, str], RefusedMessage] = {}
        for refused, is_recorded in self._refusals():
            key = refused.place, refused.error.text.partition(", got")[0] if "missing" in refused.error.text else ""
            is_plainer = key not in found or _size(refused) < _size(found[key])
            if is_plainer and (is_recorded or self._is_narrowed(refused)):
                found[key] = refused
        for (place, _), refused in found.items():
            yield Break(
                subject=subject,
                place=place,
                whom="callers",
                change="an input that was accepted is refused",
                message=refused.request,
                fails=refused.reply,
            )

    def _refusals(self) -> Iterator[tuple[RefusedMessage, bool]]:
        """Yield what is refused now, and whether it is on record that it was accepted."""
        yield from ((refused, True) for data in self._recorded() if (refused := self._ask(data)))
        if self._same:
            return
        for base in self._bases():
            for change in self._changes(base):
                data = change.of(base)
                if isinstance(data, dict) and (refused := self._ask(data)):
                    yield refused, False

    def _is_narrowed(self, refused: RefusedMessage) -> bool:
        """Return whether only the old contract allows an input, and no rule that may be an old one refuses it."""
        data = refused.request["data"]
        return not refused.by_own_rule and data in self._was_allowed and data not in self._is_allowed

    def _recorded(self) -> Iterator[dict[str, Any]]:
        yield from self._old.action.examples
        if not self._old.action.examples:
            return
        base = self._old.action.examples[-1]
        for place in self._old.action.tried:
            path: Path = tuple(place.at)
            yield from (ValueChange(path, value).of(base) for value in place.taken)

    def _bases(self) -> list[dict[str, Any]]:
        """Return inputs to change: those that were accepted, and what is made of them that is accepted now too."""
        schema = self._old.action.takes
        known = self._old.action.examples or [self._values.simplest(schema)]
        found: dict[bytes, Any] = {canonical(each): each for each in known}
        for base in list(found.values()):
            repaired = self._repaired(base)
            found[canonical(repaired)] = repaired
        return list(found.values())

    def _repaired(self, base: dict[str, Any]) -> dict[str, Any]:
        """Return an input in which what is refused now is changed, so that it does not hide what else is refused."""
        for _ in range(_MOST_REPAIRS):
            refused = self._door.refuse(self._name, base)
            if refused is None:
                break
            if (mended := self._mended(base, refused)) is None:
                break
            base = mended
        return base

    def _mended(self, base: dict[str, Any], refused: RefusedMessage) -> dict[str, Any] | None:
        """Return an input with another value in the place that is refused, which is not refused there any more."""
        for change in self._changes(base):
            if change.path and change.path[0] == _BEHIND.sub("", refused.place):
                data: dict[str, Any] = change.of(base)
                now = self._door.refuse(self._name, data)
                if (now is None or now.place != refused.place) and data in self._was_allowed:
                    return data
        return None

    def _changes(self, base: dict[str, Any]) -> Iterator[ValueChange]:
        """Return changes of an input, without those that its types refused by rules of their own."""
        for change in self._values.changes(self._old.action.takes, base):
            if (change.path, _leaf(change.value)) not in self._refused:
                yield change

    def _ask(self, data: Mapping[str, Any]) -> RefusedMessage | None:
        self.tried += 1
        return self._door.refuse(self._name, data)


def _size(refused: RefusedMessage) -> int:
    return len(canonical(refused.request))


def _leaf(value: Any) -> bytes:
    return b"" if value is GONE else canonical(value)
