"""A seal holds for one queue, one caller, one body and the keys that are known."""

import pytest

from leveret.auth.seals import is_seal, make_seal, seal_key

KEY, FORMER = seal_key(b"a secret"), seal_key(b"the former secret")
SEAL = make_seal(KEY, "q.dlq", "7", b"body")


def test_a_seal_is_known_with_the_key_and_with_a_former_one() -> None:
    assert is_seal(SEAL, [KEY], "q.dlq", "7", b"body")
    assert is_seal(make_seal(FORMER, "q.dlq", "7", b"body"), [KEY, FORMER], "q.dlq", "7", b"body")
    assert not is_seal(SEAL, [FORMER], "q.dlq", "7", b"body")


@pytest.mark.parametrize(
    ("queue", "principal", "body"),
    [("p.dlq", "7", b"body"), ("q.dlq", "8", b"body"), ("q.dlq", None, b"body"), ("q.dlq", "7", b"another")],
)
def test_a_seal_does_not_hold_for_anything_else(queue: str, principal: str | None, body: bytes) -> None:
    assert not is_seal(SEAL, [KEY], queue, principal, body)


def test_nobody_and_the_anonymous_caller_are_two() -> None:
    assert make_seal(KEY, "q", None, b"x") != make_seal(KEY, "q", "", b"x")


@pytest.mark.parametrize("seal", ["", "0" * 64, "\u00fc"])
def test_whatever_stands_in_place_of_a_seal_is_not_one(seal: str) -> None:
    assert not is_seal(seal, [KEY], "q.dlq", "7", b"body")
