"""What single actions have of their own must fit the worker that runs them."""

import re
from datetime import timedelta
from typing import Any

import pytest

from leveret.api import Api, Context
from leveret.retry import RetryPolicy
from leveret.topology import Topology
from leveret.worker import WorkerOptions
from leveret.worker.action_limits import check_action_limits

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
TOPOLOGY = Topology().with_delays([MINUTE, DAY])
OPTIONS = WorkerOptions(watchdog=2 * MINUTE, retention=7 * DAY)


async def act(context: Context) -> None: ...


def check(options: WorkerOptions = OPTIONS, **own: Any) -> None:
    api = Api[None]()
    api.action("v1", "other")(act)
    api.action("v1", "act", **own)(act)
    check_action_limits(api, TOPOLOGY, options)


@pytest.mark.parametrize(
    ("own", "text"),
    [
        (
            {"timeout": 2 * MINUTE},
            "watchdog: 2m must be longer than an attempt of v1.act may take, 2m",
        ),
        (
            {"retry": RetryPolicy((MINUTE, SECOND))},
            "v1.act: the topology has no retry queue for its delay of 1s. Make the topology with all: `topology.",
        ),
        (
            {"retry": RetryPolicy((DAY,), most=7)},
            "retention: 7d must be longer than all retries of v1.act take together, 7d",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_words(own: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(text)):
        check(**own)


@pytest.mark.parametrize(
    "own",
    [
        {"timeout": 2 * MINUTE - timedelta(milliseconds=1)},
        {"retry": RetryPolicy((timedelta(seconds=5), MINUTE, DAY), most=8)},
        {},
    ],
)
def test_what_fits_passes(own: dict[str, Any]) -> None:
    check(**own)


def test_without_a_watchdog_an_action_may_take_as_long_as_it_likes() -> None:
    check(WorkerOptions(watchdog=None), timeout=DAY)
