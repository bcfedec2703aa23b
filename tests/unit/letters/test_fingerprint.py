"""What makes dead letters the same failure."""

import pytest

from leveret.letters.fingerprint import LetterCause, cause_of, without_line

BASE = ("v1.sell", "builtins.KeyError", "shop/sell.py:7", "internal")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"place": "shop/sell.py:99"}, True),
        ({"place": "shop/sell.py"}, True),
        ({"code": "retries_exhausted"}, True),
        ({"place": "shop/buy.py:7"}, False),
        ({"exception": "builtins.ValueError"}, False),
        ({"exception": ""}, False),
        ({"action": "v2.sell"}, False),
        ({"action": ""}, False),
    ],
    ids=str,
)
def test_a_group_is_one_error_of_one_action_at_one_place(change: dict[str, str], *, same: bool) -> None:
    base = dict(zip(LetterCause.__struct_fields__, BASE, strict=True))
    assert (cause_of(**base).fingerprint == cause_of(**(base | change)).fingerprint) is same


def test_where_no_error_was_the_reason_the_code_counts() -> None:
    assert cause_of("v1.a", "", "", "overloaded").fingerprint != cause_of("v1.a", "", "", "expired").fingerprint


def test_a_part_cannot_pass_for_the_next_one() -> None:
    assert cause_of("a", "b", "", "").fingerprint != cause_of("ab", "", "", "").fingerprint


def test_a_fingerprint_stays_what_it_is_from_version_to_version() -> None:
    assert cause_of(*BASE).fingerprint == "08660602557efbf9"


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("shop/sell.py:7", "shop/sell.py"),
        ("shop/sell.py:7:12", "shop/sell.py"),
        ("shop/sell.py, line 7", "shop/sell.py"),
        ("shop/sell.py", "shop/sell.py"),
        ("", ""),
        ("7", "7"),
        ("C:\\shop\\sell.py:7", "C:\\shop\\sell.py"),
    ],
)
def test_the_line_does_not_count(place: str, found: str) -> None:
    assert without_line(place) == found


def test_half_a_character_of_a_stranger_has_a_fingerprint_too() -> None:
    assert len(cause_of("\ud800", "\0", "x" * 10_000, "").fingerprint) == 16
