"""What changed and breaks nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from leveret.contracts.diff.contract import Contract, PromisedAction
from leveret.contracts.diff.nodes import places
from leveret.contracts.diff.report import Note
from leveret.contracts.diff.sides import Side
from leveret.contracts.schemas import Schema


def notes_of_contract(old: Contract, new: Contract) -> Iterator[Note]:
    """Return which actions and routes there are more."""
    if old.application != new.application:
        yield Note(old.application, f"is named {new.application} now: its queues and settings may have other names")
    yield from (Note(name, "is new") for name in new.actions if name not in old.actions)
    yield from (Note(name, "is new") for name in new.routes if name not in old.routes)


def notes_of_action(name: str, old: Side, new: Side, broken: Collection[str]) -> Iterator[Note]:
    """Return what changed in an action beside what breaks somebody.

    Args:
        name: version and name.
        old: what was promised.
        new: what is promised now.
        broken: whom of callers and readers the action breaks.
    """
    changes = list(_flags(old.action, new.action))
    if not old.takes_the_same(new):
        fields = list(_fields(places(old.action.takes, old.types), places(new.action.takes, new.types), _TAKES))
        changes += fields or ([] if "callers" in broken else ["takes more than before, or describes it in another way"])
    if not old.answers_the_same(new):
        fields = list(_fields(places(old.action.output, old.types), places(new.action.output, new.types), _ANSWERS))
        changes += fields or ([] if "readers" in broken else ["promises more about its answers than before"])
    return (Note(name, change) for change in changes)


_TAKES = ("takes the field {} too", "ignores the field {}, which it took")
_ANSWERS = ("answers with the field {} too", "answers without the field {}, which it need not have had")


def _flags(old: PromisedAction, new: PromisedAction) -> Iterator[str]:
    for code in new.errors:
        if code not in old.errors:
            yield f"may answer {code!r}: callers have to expect codes that they do not know"
    yield from (f"does not declare {code!r} any more" for code in old.errors if code not in new.errors)
    if new.public and not old.public:
        yield "needs no token any more"
    if new.deprecated != old.deprecated:
        yield "is deprecated now" if new.deprecated else "is not deprecated any more"
    if new.writes != old.writes:
        yield (
            "writes now: one request id stands for one content"
            if new.writes
            else "does not write any more: a request that comes again is executed again"
        )


def _fields(old: Mapping[str, Schema], new: Mapping[str, Schema], words: tuple[str, str]) -> Iterator[str]:
    """Return which fields there are more and fewer in the records that both have in the same place."""
    more, fewer = words
    for place, record in new.items():
        if place not in old:
            continue
        before, now = old[place], record
        for name in now["properties"]:
            if name not in before["properties"] and name not in now.get("required", ()):
                yield more.format(f"{place}.{name}".removeprefix("."))
        for name in before["properties"]:
            is_open = now.get("additionalProperties", True) is not False
            needed = name in before.get("required", ()) and words is _ANSWERS
            if name not in now["properties"] and is_open and not needed:
                yield fewer.format(f"{place}.{name}".removeprefix("."))
        yield from _defaults(place, before["properties"], now["properties"])


def _defaults(place: str, old: Mapping[str, Schema], new: Mapping[str, Schema]) -> Iterator[str]:
    for name, field in new.items():
        before = old.get(name, field)
        if before.get("default") != field.get("default") and {"default"} & {*before, *field}:
            yield f"has another default for {place}.{name}".replace(" .", " ")
