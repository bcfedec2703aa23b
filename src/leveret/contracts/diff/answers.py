"""Answers that the old contract does not allow, found by writing what the new types of an action may hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from leveret.api import Action
from leveret.contracts.diff.allowed import Allowed, Refusal
from leveret.contracts.diff.limits import limits_of
from leveret.contracts.diff.report import Break
from leveret.contracts.diff.sides import Side
from leveret.contracts.diff.values import Values
from leveret.wire.codec import canonical, encode_json


class AnswerComparison:
    """Compares what an action answers with what it answered.

    Args:
        old: the action in the old contract.
        new: the action now.
        action: the action now, whose type of output writes the answers.

    Attributes:
        tried: how many answers were tried.
    """

    def __init__(self, old: Side, new: Side, action: Action) -> None:
        self._old, self._new, self._action = old, new, action
        self.tried = 0

    def breaks(self, subject: str) -> Iterator[Break]:
        """Return what readers may get that the old contract does not allow: the plainest answer for each field."""
        found: dict[tuple[str, str], tuple[Any, Refusal]] = {}
        if self._old.answers_the_same(self._new):
            return
        allowed = Allowed(self._old.action.output, self._old.types)
        for data in self._answers():
            for refusal in allowed.refusals(data):
                key = refusal.place, refusal.text if refusal.rule == "required" else ""
                if key not in found or len(canonical(data)) < len(canonical(found[key][0])):
                    found[key] = data, refusal
        for (place, _), (data, refusal) in found.items():
            yield Break(
                subject=subject,
                place=place,
                whom="readers",
                change="an answer may hold what was not allowed",
                message={"correlation_id": "contract", "status": "ok", "data": data, "error": None},
                fails=refusal.text,
            )

    def _answers(self) -> Iterator[Any]:
        """Return answers as workers write them, each once."""
        schema = self._new.action.output
        sides = [(side.action.output, side.types) for side in (self._old, self._new)]
        values, allowed = Values(self._new.types, limits_of(sides)), Allowed(schema, self._new.types)
        seen: set[bytes] = set()
        plainest, fullest = _bases(values, schema)
        for data in (plainest, fullest, *(change.of(fullest) for change in values.changes(schema, fullest))):
            written = self._written(data, allowed)
            if written is not None and written not in seen:
                seen.add(written)
                self.tried += 1
                yield msgspec.json.decode(written)

    def _written(self, data: Any, allowed: Allowed) -> bytes | None:
        """Return what a worker writes for a value of the action's type; None if the type does not hold it."""
        try:
            written = encode_json(msgspec.convert(data, self._action.output, str_keys=True))
            msgspec.convert(msgspec.json.decode(written), self._action.output, str_keys=True)
        except msgspec.ValidationError:
            return None
        except TypeError:  # a type that can be written and not read, such as a union of two records without tags
            return encode_json(data) if data in allowed else None
        return written


def _bases(values: Values, schema: Any) -> tuple[Any, Any]:
    """Return the plainest answer, and one with every field."""
    plainest = values.simplest(schema)
    properties = values.resolved(schema).get("properties", {})
    if not isinstance(plainest, dict) or not properties:
        return plainest, plainest
    more = {name: values.simplest(field) for name, field in properties.items() if name not in plainest}
    return plainest, {**plainest, **more}
