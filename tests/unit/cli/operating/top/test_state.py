"""What keys do."""

from __future__ import annotations

import pytest

from leveret.cli.operating.top.state import TopState, in_hand, press, selected_index
from support.overviews import busy

OVERVIEW = busy()


def after(keys: str, state: TopState | None = None) -> TopState:
    names = {"E": "enter", "D": "down", "U": "up", "X": "escape"}
    for key in keys:
        state = press(state or TopState(), names.get(key, key), OVERVIEW)
    return state or TopState()


@pytest.mark.parametrize(
    ("keys", "selected"),
    [
        ("j", "request-1-2"),
        ("jj", "request-2-1"),
        ("DD", "request-2-1"),
        ("DDU", "request-1-2"),
        ("jjk", "request-1-2"),
        ("k", "request-2-2"),
        ("jjjjjjjjjj", "request-1-0"),
    ],
)
def test_a_request_is_selected_and_the_ends_hold(keys: str, selected: str) -> None:
    assert after(keys).selected == selected


def test_a_request_is_opened_and_closed_again() -> None:
    assert after("jE").opened == "request-1-2"
    for way_out in "EXq":
        closed = after("jE" + way_out)
        assert (closed.opened, closed.selected, closed.ended) == (None, "request-1-2", False)
    assert after("jEps").paused is False


def test_pause_sort_and_quit() -> None:
    assert after("p").paused
    assert not after("pp").paused
    assert [after("s" * presses).order for presses in range(4)] == ["age", "action", "worker", "age"]
    assert after("q").ended
    assert after("zX") == TopState()


def test_a_selected_request_that_is_gone_is_followed_by_the_first() -> None:
    lines = in_hand(OVERVIEW, "age")
    assert selected_index(lines, TopState(selected="gone")) == 0
    assert press(TopState(selected="gone"), "enter", OVERVIEW).opened == "request-2-2"


def test_without_requests_nothing_is_selected() -> None:
    for key in ("j", "enter", "k"):
        assert press(TopState(), key, busy(held=0)) == TopState()


@pytest.mark.parametrize(
    ("order", "first"), [("age", "request-2-2"), ("action", "request-2-2"), ("worker", "request-1-2")]
)
def test_requests_are_sorted(order: str, first: str) -> None:
    lines = in_hand(OVERVIEW, order)  # type: ignore[arg-type]  # one of the orders
    assert lines[0].request.id == first
    assert len(lines) == 6
