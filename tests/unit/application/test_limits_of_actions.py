"""What single actions have of their own reaches the application's topology, database and settings."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from leveret import App, Context, RateLimit, RetryPolicy
from leveret.errors import SettingsError

SECRET = "s" * 32
TEN_MINUTES = timedelta(minutes=10)


async def charge(context: Context) -> None: ...


def app_with(**own: Any) -> App:
    app: App = App("shop")
    app.action("v1", "charge", **own)(charge)
    return app


def test_the_topology_has_the_delays_of_the_actions_beside_those_of_the_settings() -> None:
    app = app_with(retry=RetryPolicy((timedelta(seconds=5), TEN_MINUTES)))
    assert app.topology(app.defaults).retries == ("shop.requests.retry", "shop.requests.retry.10m")
    changed = replace(app.defaults, retry_delays=(timedelta(seconds=1), TEN_MINUTES))
    assert app.topology(changed).retries == (
        "shop.requests.retry.1s",
        "shop.requests.retry.10m",
        "shop.requests.retry.5s",
    )


def test_an_app_whose_actions_have_nothing_of_their_own_has_the_topology_of_its_settings() -> None:
    assert app_with().topology(app_with().defaults).retries == ("shop.requests.retry",)


def test_a_rate_limit_of_one_action_needs_the_database_that_all_workers_share() -> None:
    assert not app_with().uses_database(app_with().defaults)
    assert app_with(rate_limit=RateLimit(1, TEN_MINUTES)).uses_database(app_with().defaults)


async def test_settings_that_are_too_short_for_an_action_are_named_all_at_once() -> None:
    app = app_with(timeout=TEN_MINUTES, retry=RetryPolicy((TEN_MINUTES,), most=6))
    settings = app.defaults.updated({"SHOP_JWT_SECRET": SECRET, "SHOP_RETENTION": "1h", "SHOP_WATCHDOG": "5m"})
    with pytest.raises(SettingsError) as refused:
        async with app.worker(settings, "worker"):
            pass
    assert refused.value.problems == (
        "SHOP_WATCHDOG: 5m must be longer than an attempt of v1.charge may take, 10m",
        "SHOP_RETENTION: 1h must be longer than all retries of v1.charge take together, 1h",
    )


async def test_a_worker_has_queues_for_all_of_its_actions() -> None:
    app = app_with(retry=RetryPolicy((TEN_MINUTES,)))
    other = app_with(retry=RetryPolicy((timedelta(hours=1),)))
    settings = app.defaults.updated({"SHOP_JWT_SECRET": SECRET})
    for actions in (None, other):
        async with app.worker(settings, "worker", actions=actions) as worker:
            assert worker is not None
