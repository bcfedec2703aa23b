"""A program that runs a worker with an action that blocks the event loop.

Its arguments are the broker, the prefix, the database and the watchdog's limit in seconds.
"""

import logging
import sys
import time
from datetime import timedelta

from leveret.api import Api, Context
from leveret.process.running import run
from leveret.retry import RetryPolicy
from leveret.sql import Store, create_engine
from leveret.worker import Worker, WorkerOptions
from support.serving import keyring, quick

api: Api = Api()


@api.action("v1", "block", public=True)
async def block(context: Context) -> None:
    """Block the event loop, which no async action may do."""
    time.sleep(600)  # noqa: ASYNC251 - it blocks on purpose


@api.action("v1", "health_check", public=True)
async def health_check(context: Context) -> dict[str, str]:
    """Answer."""
    return {"status": "ok"}


def main(url: str, prefix: str, database: str, seconds: str) -> None:
    """Run the worker until it is stopped."""
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    topology, watchdog = quick(prefix), timedelta(seconds=float(seconds))
    worker = Worker(
        api,
        url,
        [Store(create_engine(database))],
        keyring(),
        None,
        topology=topology,
        policy=RetryPolicy(topology.delays, 3),
        options=WorkerOptions(name="stuck", watchdog=watchdog),
    )
    run(lambda _stop: worker.run())


if __name__ == "__main__":
    main(*sys.argv[1:])
