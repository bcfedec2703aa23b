"""What policies do to our queues, and which of several applies."""

from __future__ import annotations

from typing import Any

import pytest

from leveret.broker.management import Policy
from leveret.operate.doctor.broker.policies import against
from leveret.topology import Topology

API = Topology()


def policy(pattern: str, priority: int = 0, applies_to: str = "all", *, operator: bool = False, **keys: Any) -> Policy:
    definition = {name.replace("_", "-"): value for name, value in keys.items()}
    return Policy(
        name=f"of {pattern}",
        pattern=pattern,
        applies_to=applies_to,
        priority=priority,
        definition=definition,
        operator=operator,
    )


REQUESTS, RETRY, LETTERS = r"^api\.requests$", r"^api\.requests\.retry$", r"^api\.requests\.dlq$"


@pytest.mark.parametrize(
    ("given", "state", "words"),
    [
        (policy(REQUESTS, message_ttl=5), "wrong", "given up without having run after 5 ms"),
        (policy(LETTERS, message_ttl=5), "wrong", "vanish after 5 ms"),
        (policy(RETRY, message_ttl=5), "warning", "go back earlier"),
        (policy(LETTERS, expires=5), "wrong", "deleted with everything in it"),
        (policy(REQUESTS, overflow="drop-head"), "wrong", "drops its oldest message"),
        (policy(LETTERS, max_length=5), "warning", "takes nothing more at 5"),
        (policy(RETRY, max_length_bytes=5), "warning", "takes nothing more at 5"),
        (policy(REQUESTS, delivery_limit=20), "wrong", "after 20 deliveries"),
        (policy(LETTERS, dead_letter_exchange="x"), "wrong", "moved to the exchange 'x'"),
        (policy("direct", alternate_exchange="x"), "warning", "alternate exchange"),
        (policy(LETTERS, expires=5, operator=True), "wrong", "by the operator policy"),
    ],
)
def test_a_policy_that_works_against_us_is_named(given: Policy, state: str, words: str) -> None:
    (finding,) = against([given], API)
    assert finding.state == state
    assert words in finding.text
    assert repr(given.name) in finding.text


@pytest.mark.parametrize(
    "given",
    [
        policy("^other", expires=5),
        policy(REQUESTS, max_length_bytes=5),
        policy(REQUESTS, overflow="reject-publish"),
        policy(REQUESTS, delivery_limit=2000),
        policy(REQUESTS, dead_letter_exchange="x"),
        policy(LETTERS, applies_to="classic_queues", expires=5),
        policy(LETTERS, applies_to="exchanges", expires=5),
        policy("(?<never", expires=5),
        policy(".*", ha_mode="all"),
    ],
)
def test_a_policy_that_does_us_no_harm_is_not_told(given: Policy) -> None:
    assert list(against([given], API)) == []


def test_of_several_policies_the_one_with_the_highest_priority_applies() -> None:
    harmless = policy(LETTERS, 9)
    assert list(against([policy(LETTERS, 1, expires=5), harmless], API)) == []
    assert len(list(against([policy(LETTERS, 1, operator=True, expires=5), harmless], API))) == 1
