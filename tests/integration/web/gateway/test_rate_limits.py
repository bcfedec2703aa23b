"""What a caller over the limit is told, over both forms."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leveret.api import RateLimit
from support.gateways import HttpCaller


@pytest.fixture
def changed() -> dict[str, object]:
    return {"rate_limit": RateLimit(2, timedelta(minutes=1))}


async def test_a_caller_over_the_limit_is_told_when_to_ask_again(user: HttpCaller) -> None:
    first, _, over = [await user.ask("GET", "/api/v1/tasks/") for _ in range(3)]
    assert (first.status_code, first.headers["RateLimit-Policy"]) == (200, '"user";q=2;w=60')
    assert (over.status_code, over.json()["type"]) == (
        429,
        "https://iana.org/assignments/http-problem-types#quota-exceeded",
    )
    after = int(over.headers["Retry-After"])
    assert 0 < after <= 60
    assert over.headers["RateLimit"] == f'"user";r=0;t={after}'


async def test_a_public_route_tells_of_no_limit(user: HttpCaller) -> None:
    assert "RateLimit-Policy" not in (await user.ask("GET", "/api/v1/health")).headers
