"""Hypothesis makes the cases: inputs of every action from the types in the registry, good ones and spoiled ones."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

import hypothesis
import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from leveret.api import Action
from support.doors.case import Case
from taskmanager.actions import app

LENGTH: Final = 20
"""Cases of a sequence, which begins with the same rows in each database."""
_RARE: Final = frozenset({"register", "login", "stored_response"})
"""Actions that hash a password, which takes longer than everything else; and one that has no route."""
_LEFT_OUT: Final = frozenset({"read_events", "watch_events"})
"""Actions whose answer depends on the moment, and which HTTP has as a stream."""
_OFTEN: Final = 4
"""How often there is any other action with an input, for one of those."""
_SHOWN: Final = ("ada", "ada", "ada", "ada", "ada", "ben", "nobody", "expired", "unknown user", "forged", "garbage")
_TEXTS: Final[Mapping[str, Sequence[str]]] = {
    "email": (
        "ada@example.org",
        " Ben@Example.org ",
        "cy@example.org",
        "zo\u00eb@example.org",
        "zoe\u0308@example.org",
    ),
    "password": ("correct horse 1", "wrong horse", "p\u00e4ssword"),
    "due_date": ("2030-01-31", "2030-01-31T12:00:00+02:00", "2030-01-31t12:00:00.123456z", "20300131", "1999-12-31"),
}
_INCLUDE: Final = ("id", "title", "status", "priority", "due_date", "created_at", "version")
_NUMBERS: Final = (0, -1, 1.5, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 2**70, 1e300)
_STRANGE: Final = (
    *("", " ", "7", "07", "null", "true", "x" * 201, "x" * 10_001, "a\0b", "half \ud800"),
    *("\u00e4\u4f60\U0001f407", "\u202e\u200b\n"),
)
_WRONG: Final = st.sampled_from([None, True, *_NUMBERS, *_STRANGE, [], ["id"], {}, {"a": {"b": [1, None]}}])
_HUGE: Final = "x" * 300_000
_EXTRA: Final = st.sampled_from(["extra", "id", "simulate_temp_error", "Title", "\u00fc"])


class Step(Struct, frozen=True):
    """A case before its place in a sequence is known.

    Attributes:
        action: what is called.
        data: its input.
        shows: which token.
        back: how many cases before there is one whose id is used again; 0 for a new id.
        same: whether that whole case is sent again, and not only its id.
    """

    action: tuple[str, str]
    data: dict[str, Any]
    shows: str
    back: int
    same: bool


def sequences(seed: int, count: int, tokens: Mapping[str, str]) -> list[list[Case]]:
    """Return sequences with this number of cases in all; the same ones for the same seed.

    Args:
        seed: of everything random.
        count: how many cases.
        tokens: the token of each kind of caller.
    """
    steps = _steps(seed, count)
    return [_sequence(steps[at : at + LENGTH], at, tokens) for at in range(0, count, LENGTH)]


def compared_actions() -> list[Action]:
    """Return the actions whose answers are compared."""
    app.complete()
    return sorted((action for action in app if action.name not in _LEFT_OUT), key=lambda action: action.full_name)


def _steps(seed: int, count: int) -> list[Step]:
    """Return steps of all actions in a random order, each action as often as it is weighted."""
    known = compared_actions()
    weights = [1 if action.name in _RARE or action.input is None else _OFTEN for action in known]
    whole = [max(1, count * weight // sum(weights)) for weight in weights]
    while sum(whole) < count:
        whole[whole.index(max(whole))] += count - sum(whole)
    shares = enumerate(zip(known, whole, strict=True))
    steps = [step for at, (action, share) in shares for step in _of_action(action, seed + at, share)]
    random.Random(seed).shuffle(steps)
    return steps[:count]


def _of_action(action: Action, seed: int, count: int) -> list[Step]:
    made: list[Step] = []
    quiet = list(HealthCheck)

    @hypothesis.seed(seed)
    @settings(max_examples=count, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=quiet)
    @given(_step(action))
    def collect(step: Step) -> None:
        made.append(step)

    collect()
    return [made[at % len(made)] for at in range(count)]  # hypothesis ends earlier if it has seen everything


@st.composite
def _step(draw: st.DrawFn, action: Action) -> Step:
    data = draw(_input(action))
    if draw(st.integers(0, 3)) == 3:
        data = draw(_spoiled(data))
    back = draw(st.sampled_from((0, 0, 0, 0, 0, 1, 2, 5)))
    return Step((action.version, action.name), data, draw(st.sampled_from(_SHOWN)), back, draw(st.booleans()))


def _input(action: Action) -> st.SearchStrategy[dict[str, Any]]:
    if action.input is None:
        return st.just({})
    known = msgspec.inspect.type_info(action.input)
    assert isinstance(known, msgspec.inspect.StructType)
    needed = {each.encode_name: _value(each.encode_name, each.type) for each in known.fields if each.required}
    others = {each.encode_name: _value(each.encode_name, each.type) for each in known.fields if not each.required}
    return st.fixed_dictionaries(needed, optional=others)


def _value(name: str, kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    """Return values of a field: what its type takes, and for some texts what the field means."""
    if name in _TEXTS:
        return st.sampled_from(_TEXTS[name])
    if name == "include":
        return st.lists(st.sampled_from(_INCLUDE), min_size=2, max_size=4) | st.sampled_from(
            ["id, title", "id", "none"]
        )
    if name == "request_id":
        return st.integers(0, LENGTH).map("case-{}".format)
    match kind:
        case msgspec.inspect.UnionType():
            return st.one_of([_value(name, each) for each in kind.types])
        case msgspec.inspect.IntType():
            return st.integers(1, 6) | st.integers(-1, 3) | st.integers(kind.ge or -(2**63), kind.le or 2**63 - 1)
        case msgspec.inspect.EnumType():
            return st.sampled_from([each.value for each in kind.cls])
        case msgspec.inspect.NoneType():
            return st.none()
    return st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


@st.composite
def _spoiled(draw: st.DrawFn, data: dict[str, Any]) -> dict[str, Any]:
    spoiled, name = dict(data), draw(st.sampled_from([*sorted(data), "extra"]))
    match draw(st.integers(0, 9)):
        case 0 if name in spoiled:
            del spoiled[name]
        case 1 | 2:
            spoiled[draw(_EXTRA)] = draw(st.sampled_from(["text", "1", "\u00fc", ""]))
        case 3 if "description" in spoiled:
            spoiled["description"] = _HUGE
        case _ if name in spoiled:
            spoiled[name] = draw(_WRONG)
    return spoiled


def _sequence(steps: Sequence[Step], first: int, tokens: Mapping[str, str]) -> list[Case]:
    cases: list[Case] = []
    for at, step in enumerate(steps):
        before = cases[at - step.back] if 0 < step.back <= at else None
        if before is not None and step.same:
            cases.append(msgspec.structs.replace(before, token=tokens[step.shows], shows=step.shows))
            continue
        version, name = step.action
        chosen = f"case-{at}" if before is None else before.id
        if first == 0 and at == 0:
            chosen = "x" * 129  # one that no door takes
        cases.append(Case(version, name, step.data, tokens[step.shows], chosen, step.shows))
    return cases
