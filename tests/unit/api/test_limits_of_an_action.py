"""What an action is registered with for itself alone: retries, a timeout, a rate limit."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from leveret.api import Actions, Api, Context, RateLimit
from leveret.retry import RetryPolicy

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
OWN: dict[str, Any] = {
    "retry": RetryPolicy((SECOND, MINUTE), most=5, no_retry_on=(TimeoutError,)),
    "timeout": timedelta(seconds=20),
    "rate_limit": RateLimit(10, MINUTE),
}


async def charge(context: Context) -> None: ...


def refund(context: Context) -> None: ...


def test_an_action_has_what_it_is_registered_with() -> None:
    api, group = Api[None](), Actions("v1")
    api.action("v2", "charge", writes=True, **OWN)(charge)
    group.action("charge", writes=True, **OWN)(charge)
    api.include(group)
    for version in ("v1", "v2"):
        action = api.find(version, "charge")
        assert (action.retry, action.timeout) == (OWN["retry"], OWN["timeout"])
        assert action.rate_limit == RateLimit(10, MINUTE, action=f"{version}.charge")


def test_an_action_without_any_of_it_has_none() -> None:
    api = Api[None]()
    api.action("v1", "charge")(charge)
    action = api.find("v1", "charge")
    assert (action.retry, action.timeout, action.rate_limit) == (None, None, None)
    assert api.retry_delays == frozenset()


def test_a_version_that_inherits_an_action_shares_its_rate_limit_and_has_the_rest_too() -> None:
    api = Api[None]()
    api.action("v1", "charge", **OWN)(charge)
    api.inherit("v2", parent="v1")
    action = api.find("v2", "charge")
    assert action.rate_limit == RateLimit(10, MINUTE, action="v1.charge")
    assert (action.retry, action.timeout) == (OWN["retry"], OWN["timeout"])


def test_an_api_knows_all_delays_of_its_actions() -> None:
    api = Api[None]()
    api.action("v1", "charge", **OWN)(charge)
    api.action("v1", "refund", retry=RetryPolicy((MINUTE, timedelta(hours=1))))(refund)
    api.action("v1", "plain")(refund)
    assert api.retry_delays == {SECOND, MINUTE, timedelta(hours=1)}


def test_an_action_that_knows_its_resources_keeps_what_is_its_own() -> None:
    api = Api[None]()
    api.action("v1", "charge", **OWN)(charge)
    api.know([])
    assert api.find("v1", "charge").retry == OWN["retry"]


def in_an_api(**options: Any) -> Callable[[Callable[..., Any]], object]:
    return Api[None]().action("v1", "act", **options)


def in_a_group(**options: Any) -> Callable[[Callable[..., Any]], object]:
    return Actions("v1").action("act", **options)


@pytest.mark.parametrize("register", [in_an_api, in_a_group])
@pytest.mark.parametrize(
    ("function", "options", "text"),
    [
        (charge, {"timeout": timedelta(0)}, "a timeout must be positive, got 0:00:00"),
        (charge, {"timeout": timedelta(seconds=-1)}, "a timeout must be positive"),
        (
            refund,
            {"timeout": SECOND},
            "only an `async def` action can have a timeout, because a thread cannot be stopped",
        ),
        (
            refund,
            {"rate_limit": RateLimit(1, SECOND), "public": True},
            "a rate limit counts the requests of each",
        ),
    ],
)
def test_what_cannot_hold_is_refused_at_registration(
    register: Callable[..., Any], function: Callable[..., Any], options: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValueError, match=rf"^v1\.act: {text}"):
        register(**options)(function)
