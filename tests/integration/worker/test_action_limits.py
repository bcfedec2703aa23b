"""A worker is not made with an action that it could not run as it was told."""

from datetime import timedelta

import pytest

from leveret.api import Api, Context
from leveret.topology import Topology
from leveret.worker import WorkerOptions
from support.serving import serving


async def act(context: Context) -> None: ...


async def test_a_worker_whose_watchdog_is_shorter_than_a_timeout_does_not_start(database: str) -> None:
    api = Api[None]()
    api.action("v1", "act", timeout=timedelta(minutes=5))(act)
    options = WorkerOptions(watchdog=timedelta(minutes=2))
    with pytest.raises(ValueError, match=r"^watchdog: 2m must be longer than an attempt of v1\.act may take, 5m$"):
        async with serving(api, "amqp://localhost:1", Topology(), database, options=options):
            pass
