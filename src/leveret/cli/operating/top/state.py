"""What a person has chosen in ``top``, and how keys change it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from leveret.operate.overview import HeldRequest, Overview, WorkerLine

Order: TypeAlias = Literal["age", "action", "worker"]

ORDERS: Final[tuple[Order, ...]] = ("age", "action", "worker")
"""How requests in hand are sorted; each press of the key takes the next one."""

_STEPS: Final = {"down": 1, "j": 1, "up": -1, "k": -1, "enter": 0}


class InHandLine(Struct, frozen=True):
    """A request in hand, and the worker that has it."""

    request: HeldRequest
    worker: WorkerLine


class TopState(Struct, frozen=True, kw_only=True):
    """What a person has chosen.

    Attributes:
        paused: what is shown stands still.
        order: how requests in hand are sorted.
        selected: id of the request that is selected; None for the first one.
        opened: id of the request whose page is open.
        ended: the person wants to leave.
    """

    paused: bool = False
    order: Order = "age"
    selected: str | None = None
    opened: str | None = None
    ended: bool = False


def in_hand(overview: Overview, order: Order) -> list[InHandLine]:
    """Return all requests in hand, sorted."""
    lines = [InHandLine(held, worker) for worker in overview.workers for held in worker.held]
    match order:
        case "age":
            return sorted(lines, key=lambda line: line.request.since)
        case "action":
            return sorted(lines, key=lambda line: (line.request.action, line.request.since))
        case "worker":
            return sorted(lines, key=lambda line: (line.worker.host, line.worker.pid, line.request.since))


def selected_index(lines: Sequence[InHandLine], state: TopState) -> int:
    """Return which line is selected; the first one if the selected request is gone."""
    ids = [line.request.id for line in lines]
    return ids.index(state.selected) if state.selected in ids else 0


def press(state: TopState, key: str, overview: Overview) -> TopState:
    """Return what is chosen after a key; a key without a meaning changes nothing."""
    if state.opened is not None:
        return replace(state, opened=None) if key in ("enter", "escape", "q") else state
    match key:
        case "q":
            return replace(state, ended=True)
        case "p":
            return replace(state, paused=not state.paused)
        case "s":
            return replace(state, order=ORDERS[(ORDERS.index(state.order) + 1) % len(ORDERS)])
        case _:
            return _choose(state, key, in_hand(overview, state.order))


def _choose(state: TopState, key: str, lines: Sequence[InHandLine]) -> TopState:
    step = _STEPS.get(key)
    if not lines or step is None:
        return state
    at = min(max(selected_index(lines, state) + step, 0), len(lines) - 1)
    chosen = lines[at].request.id
    return replace(state, selected=chosen, opened=chosen if key == "enter" else None)
