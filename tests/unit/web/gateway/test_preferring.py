"""The header Prefer: what is read of it, and what is left aside."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies

from leveret.web.gateway.preferring import Preferences, read_preferences


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], Preferences()),
        (["respond-async"], Preferences(is_async=True)),
        (["Respond-Async"], Preferences(is_async=True)),
        (["wait=10"], Preferences(wait=10)),
        (['wait="10"'], Preferences(wait=10)),
        (["respond-async, wait=10"], Preferences(is_async=True, wait=10)),
        (["respond-async", "wait=10"], Preferences(is_async=True, wait=10)),
        (["wait=1, wait=2"], Preferences(wait=1)),
        (["wait = 3 ; strict"], Preferences(wait=3)),
        (["return=minimal, wait=0"], Preferences(wait=0)),
        (["wait=-1"], Preferences()),
        (["wait=1.5"], Preferences()),
        (["wait=9999999"], Preferences()),
        (["wait"], Preferences()),
        (["respond-async=no"], Preferences(is_async=True)),
        (["@, respond-async"], Preferences(is_async=True)),
    ],
)
def test_what_is_preferred(values: list[str], found: Preferences) -> None:
    assert read_preferences(values) == found


@settings(deadline=None)  # the machine may be busy
@given(strategies.lists(strategies.text(max_size=30), max_size=3))
def test_no_text_is_an_error(values: list[str]) -> None:
    read_preferences(values)
