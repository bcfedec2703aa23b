"""The fields that tell callers of rate limits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from leveret.api import Api, Context, RateLimit
from leveret.web.gateway.rate_limit_fields import policies, policy_field, refused_field

USERS = RateLimit(600, timedelta(minutes=1))


def limits(limit: RateLimit | None, **options: Any) -> list[tuple[str, RateLimit]]:
    made: Api[Any] = Api()

    @made.action("v1", "charge", **options)
    def charge(context: Context) -> None: ...

    return policies(made.find("v1", "charge"), limit)


def test_both_limits_are_told() -> None:
    found = limits(USERS, rate_limit=RateLimit(10, timedelta(milliseconds=1500)))
    assert policy_field(found) == {"RateLimit-Policy": '"user";q=600;w=60, "v1.charge";q=10;w=2'}


def test_nothing_is_told_without_a_limit_or_of_a_public_action() -> None:
    assert policy_field(limits(None)) == {}
    assert policy_field(limits(USERS, public=True)) == {}


@pytest.mark.parametrize(
    ("details", "field"),
    [
        ({"limit": 600, "remaining": 0, "retry_after": 12.4}, {"RateLimit": '"user";r=0;t=13'}),
        ({"limit": 10, "remaining": 0, "retry_after": 1}, {"RateLimit": '"v1.charge";r=0;t=1'}),
        ({"limit": 7, "remaining": 0, "retry_after": 1}, {}),
        ({"retry_after": 4}, {}),
    ],
)
def test_a_refusal_names_the_limit_that_was_reached(details: dict[str, Any], field: dict[str, str]) -> None:
    found = limits(USERS, rate_limit=RateLimit(10, timedelta(seconds=1)))
    assert refused_field(found, details) == field
