"""Kinds of changes of a record, each with whom it breaks: known by how the change is made, not by looking at it.

Each change is a function that returns the changed record, or None where it cannot be done to that field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from msgspec import NODEFAULT, UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from support.mutated_apps import FieldPlan, RecordPlan
from support.types_of_fields import (
    bare,
    for_one_less,
    has_null,
    has_pattern,
    is_bounded,
    is_collection,
    is_enum,
    is_one_of,
    is_set,
    members,
)

Change = Callable[[RecordPlan, FieldPlan], RecordPlan | None]


class Kind(Struct, frozen=True):
    """A kind of change.

    Attributes:
        name: what is changed.
        change: makes the change.
        breaks: callers, where the record is an input; readers, where it is an output.
    """

    name: str
    change: Change
    breaks: frozenset[str]


def _typed(make: Callable[[Any, FieldPlan], Any], *, of: Callable[[Any], bool] = lambda _: True) -> Change:
    """Return a change of the type of a field, for the types that `of` accepts."""

    def change(record: RecordPlan, field: FieldPlan) -> RecordPlan | None:
        return (
            record.with_field(field.name, lambda each: replace(each, type=make(each.type, each)))
            if of(field.type)
            else None
        )

    return change


def _with_bounds(**limits: Any) -> Callable[[Any, FieldPlan], Any]:
    return lambda kind, _: Annotated[kind, Meta(**limits)]


def _moved_bounds(step: int) -> Callable[[Any, FieldPlan], Any]:
    """Move both bounds of a number: outwards by a positive step, inwards by a negative one."""

    def make(kind: Any, _: FieldPlan) -> Any:
        meta = next(each for each in get_args(kind) if isinstance(each, Meta))
        assert isinstance(meta.ge, int)
        if step > 0:
            return Annotated[int, Meta(ge=meta.ge - step)]
        return Annotated[int, Meta(ge=meta.ge - step, le=meta.le)]

    return make


def _enum(*, more: int = 0, fewer: int = 0) -> Callable[[Any, FieldPlan], Any]:
    def make(kind: Any, _: FieldPlan) -> Any:
        values = [each.value for each in kind][: len(kind) - fewer] + [f"another{at}" for at in range(more)]
        return Literal[tuple(values)]

    return make


def _add(kind: Any, default: Any = NODEFAULT) -> Change:
    def change(record: RecordPlan, _: FieldPlan) -> RecordPlan:
        return replace(record, fields=(*record.fields, FieldPlan("added", "added", kind, default)))

    return change


def _remove(record: RecordPlan, field: FieldPlan) -> RecordPlan:
    return replace(record, fields=tuple(each for each in record.fields if each.name != field.name))


def _only(condition: Callable[[RecordPlan, FieldPlan], bool], change: Change) -> Change:
    return lambda record, field: change(record, field) if condition(record, field) else None


def _rename(record: RecordPlan, field: FieldPlan) -> RecordPlan:
    return record.with_field(field.name, lambda each: replace(each, encoded=f"{each.encoded}_renamed"))


def _demand(record: RecordPlan, field: FieldPlan) -> RecordPlan:
    return record.with_field(field.name, lambda each: replace(each, default=NODEFAULT, factory=NODEFAULT))


def _default(make: Callable[[FieldPlan], Any]) -> Change:
    return lambda record, field: record.with_field(
        field.name, lambda each: replace(each, default=make(each), factory=NODEFAULT)
    )


def _may_be_unset(record: RecordPlan, field: FieldPlan) -> RecordPlan:
    return record.with_field(field.name, lambda each: replace(each, type=each.type | UnsetType, default=UNSET))


def _reorder(record: RecordPlan, _: FieldPlan) -> RecordPlan:
    return replace(record, fields=record.fields[::-1])


def required(_: RecordPlan, field: FieldPlan) -> bool:
    return field.is_required


def optional(_: RecordPlan, field: FieldPlan) -> bool:
    return not field.is_required


def has_rules(record: RecordPlan) -> bool:
    return "__post_init__" in record.namespace


def without_rules(record: RecordPlan, _: FieldPlan) -> bool:
    return not has_rules(record)


def _refusing(record: RecordPlan, field: FieldPlan) -> RecordPlan | None:
    """Add a rule that refuses texts of more than five characters, in a way that no schema shows."""
    former = record.namespace.get("__post_init__")

    def __post_init__(self: Any) -> None:  # noqa: N807 -- msgspec calls it by this name
        if former is not None:
            former(self)
        value = getattr(self, field.name)
        if isinstance(value, str) and len(value) > 5:
            raise ValueError(f"Field {field.encoded}: at most 5 characters")

    takes_any_text = str in map(bare, members(field.type)) and field.name != "include"  # that takes names of fields
    return record.with_namespace(__post_init__=__post_init__) if takes_any_text else None


def _without_null(kind: Any, _: FieldPlan) -> Any:
    left = tuple(each for each in members(kind) if each is not type(None))
    return Union[left]  # noqa: UP007 -- made at run time


def _any_keys(kind: Any, _: FieldPlan) -> Any:
    return dict[str, get_args(kind)[1]]  # type: ignore[misc]  # a type made at run time


def _other_members(kind: Any, _: FieldPlan) -> Any:
    return list[bool if bare(get_args(kind)[0]) is not bool else str]  # type: ignore[misc]  # a type made at run time


def _listed(kind: Any, _: FieldPlan) -> Any:
    return list[kind]


def _plain_default(field: FieldPlan) -> Any:
    kind = bare(members(field.type)[0])
    if is_enum(kind):
        return next(iter(kind))
    return {str: "text", int: 1, bool: True, float: 1.0}.get(kind, NODEFAULT)


def _no_null_kept(record: RecordPlan, field: FieldPlan) -> RecordPlan | None:
    if not has_null(field.type) or len(members(field.type)) < 2 or is_set(field.type):
        return None
    default = NODEFAULT if field.is_required else _plain_default(field)
    if not field.is_required and default is NODEFAULT:
        return None
    made = replace(field, type=_without_null(field.type, field), default=default, factory=NODEFAULT)
    return record.with_field(field.name, lambda _: made)


def _no_default(record: RecordPlan, field: FieldPlan) -> bool:
    return _plain_default(field) is not NODEFAULT and field.is_required


NOBODY: frozenset[str] = frozenset()
CALLERS, READERS = frozenset({"callers"}), frozenset({"readers"})
BOTH = CALLERS | READERS

NEUTRAL = (
    Kind("nothing", lambda record, _: record, NOBODY),
    Kind("the order of fields", _reorder, NOBODY),
    Kind("the name of the class", lambda record, _: replace(record, name=f"{record.name}Renamed"), NOBODY),
    Kind("the docstring", lambda record, _: record.with_namespace(__doc__="Says something else."), NOBODY),
    Kind("a title and a description", _typed(_with_bounds(title="Other", description="Words.")), NOBODY),
    Kind("an optional field more", _add(int, 0), NOBODY),
    Kind("a nullable optional field more", _add(str | None, None), NOBODY),
    Kind("an optional enum more", _add(Literal["x", "y"], "x"), NOBODY),
    Kind("an optional field less", _only(lambda r, f: optional(r, f) and without_rules(r, f), _remove), NOBODY),
    Kind(
        "another default",
        _only(
            lambda _, f: isinstance(f.default, int) and not isinstance(f.default, bool),
            _default(lambda f: f.default + 1),
        ),
        NOBODY,
    ),
    Kind("a default where there was none", _only(_no_default, _default(_plain_default)), NOBODY),
)

BREAKING = (
    Kind("a required field more", _add(int), CALLERS),
    Kind("a required nullable field more", _add(str | None), CALLERS),
    Kind(
        "a required field less",
        _only(lambda r, f: required(r, f) and without_rules(r, f), _remove),
        READERS,
    ),
    Kind("another name for a required field", _only(required, _rename), BOTH),
    Kind("a default less", _only(lambda r, f: optional(r, f) and not is_set(f.type), _demand), CALLERS),
    Kind(
        "a field that may be absent from answers",
        _only(lambda r, f: required(r, f) and without_rules(r, f) and not is_set(f.type), _may_be_unset),
        READERS,
    ),
    Kind(
        "null",
        _only(without_rules, _typed(lambda kind, _: kind | None, of=lambda kind: not has_null(kind))),
        READERS,
    ),
    Kind("no null", _no_null_kept, CALLERS),
    Kind("closed for other fields", lambda record, _: record.with_options(forbid_unknown_fields=True), CALLERS),
    Kind("a number in place of a text", _typed(lambda *_: int, of=is_one_of(str)), BOTH),
    Kind("a text in place of a number", _typed(lambda *_: str, of=lambda k: bare(k) in (int, float)), BOTH),
    Kind("a broken number in place of a whole one", _typed(lambda *_: float, of=is_one_of(int)), READERS),
    Kind("a whole number in place of a broken one", _typed(lambda *_: int, of=is_one_of(float)), CALLERS),
    Kind("a list", _typed(_listed, of=is_one_of(str, int, bool, UUID)), BOTH),
    Kind(
        "anything",
        _only(without_rules, _typed(lambda *_: Any, of=is_one_of(str, int, bool, float, UUID, datetime))),
        READERS,
    ),
    Kind("true and false in place of a number", _typed(lambda *_: bool, of=lambda k: bare(k) in (int, float)), BOTH),
    Kind("a shorter text", _typed(_with_bounds(max_length=10), of=is_one_of(str)), CALLERS),
    Kind("a longer text", _only(without_rules, _typed(_with_bounds(min_length=2), of=is_one_of(str))), CALLERS),
    Kind("a text of small letters", _typed(_with_bounds(pattern="^[a-z]+$"), of=is_one_of(str)), CALLERS),
    Kind("a day in place of a text", _typed(lambda *_: date, of=is_one_of(str)), CALLERS),
    Kind("a moment in place of a text", _typed(lambda *_: datetime, of=is_one_of(str)), CALLERS),
    Kind("a UUID in place of a text", _typed(lambda *_: UUID, of=is_one_of(str)), CALLERS),
    Kind("a decimal in place of a text", _typed(lambda *_: Decimal, of=is_one_of(str)), CALLERS),
    Kind("bytes in place of a text", _typed(lambda *_: bytes, of=is_one_of(str)), CALLERS),
    Kind("a text in place of a moment", _typed(lambda *_: str, of=is_one_of(datetime, date, UUID)), READERS),
    Kind("a moment with its zone", _typed(_with_bounds(tz=True), of=is_one_of(datetime)), CALLERS),
    Kind("a choice in place of a text", _typed(lambda *_: Literal["a", "b"], of=is_one_of(str)), CALLERS),
    Kind("a choice more", _typed(_enum(more=1), of=is_enum), READERS),
    Kind("a choice less", _typed(_enum(fewer=1), of=is_enum), CALLERS),
    Kind("a text in place of a choice", _typed(lambda *_: str, of=is_enum), READERS),
    Kind("wider bounds", _typed(_moved_bounds(1), of=is_bounded), READERS),
    Kind("narrower bounds", _typed(_moved_bounds(-1), of=is_bounded), CALLERS),
    Kind("a least number", _typed(_with_bounds(ge=1), of=is_one_of(int, float)), CALLERS),
    Kind("multiples of seven", _typed(_with_bounds(multiple_of=7), of=is_one_of(int)), CALLERS),
    Kind("any keys", _typed(_any_keys, of=lambda k: get_origin(k) is dict and is_enum(get_args(k)[0])), READERS),
    Kind("other members", _typed(_other_members, of=lambda k: get_origin(k) in (list, set)), BOTH),
    Kind("an array of one or more", _typed(_with_bounds(min_length=1), of=is_collection), CALLERS),
    Kind("an array of two at most", _typed(_with_bounds(max_length=2), of=is_collection), CALLERS),
    Kind("a pattern for one character less", _typed(lambda kind, _: for_one_less(kind), of=has_pattern), CALLERS),
    Kind("a rule that no schema shows", _refusing, CALLERS),
)


def changes_of(record: RecordPlan) -> Iterator[tuple[Kind, FieldPlan, RecordPlan]]:
    """Yield each change that can be made to a record: once for the whole, or once for each field."""
    for kind in (*NEUTRAL, *BREAKING):
        seen: list[Any] = []
        for field in record.fields:
            changed = kind.change(record, field)
            if changed is None or any(_equal(changed, each) for each in seen):
                continue
            seen.append(changed)
            yield kind, field, changed


def _equal(one: RecordPlan, other: RecordPlan) -> bool:
    return (
        one.fields == other.fields
        and one.options == other.options
        and one.name == other.name
        and (
            one.namespace.get("__doc__") == other.namespace.get("__doc__")
            and one.namespace.get("__post_init__") is other.namespace.get("__post_init__")
        )
    )
