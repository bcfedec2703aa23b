"""Measures what a pooler between a worker and PostgreSQL costs.

    python -m benchmarks.pooling [--count N]

On a private PostgreSQL and a private PgBouncer, one thread looks up one task again and again, each time in a new
transaction. The ways of connecting alternate. The script prints the median time of a transaction, in microseconds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Final

from leveret.sql import Store, create_engine
from leveret.sql.pooling import Pooler
from leveret.sql.schema import upgrade
from taskmanager import usecases
from taskmanager.actions import app
from taskmanager.domain import NewTask, NewUser
from taskmanager.storage import task_queries
from testbed.pgbouncer import pgbouncer
from testbed.postgres import PrivatePostgres

ROUNDS: Final = 10
WAYS: Final[tuple[tuple[str, str | None, Pooler], ...]] = (
    ("direct", None, "auto"),
    ("direct, each transaction by itself", None, "transaction"),
    ("PgBouncer, session mode, declared", "session", "session"),
    ("PgBouncer, session mode", "session", "auto"),
    ("PgBouncer, transaction mode", "transaction", "auto"),
)
"""Name, mode of the pooler, and the setting of the engine."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="transactions of each way in each of ten rounds")
    count = parser.parse_args().count
    with ExitStack() as stack:
        server = stack.enter_context(PrivatePostgres())
        url = stack.enter_context(server.database())
        look_up = _a_task(url)
        stores = {}
        for name, mode, pooler in WAYS:
            engine = create_engine(stack.enter_context(pgbouncer(url, mode)) if mode else url, pooler=pooler)
            stack.callback(engine.dispose)
            stores[name] = Store(engine)
            stack.callback(stores[name].close)
        seconds: dict[str, list[float]] = defaultdict(list)
        for _ in range(ROUNDS):
            for name, store in stores.items():
                seconds[name] += [look_up(store) for _ in range(count)]
    for name, measured in seconds.items():
        print(f"{statistics.median(measured) * 1e6:8.0f} us  {name}")


def _a_task(url: str) -> Callable[[Store], float]:
    """Make a task, and return a function that looks it up and returns how many seconds that took."""
    upgrade(url, app.schema, app.names)
    engine, now = create_engine(url), datetime.now(UTC)
    with engine.begin() as connection:
        owner = usecases.register(connection, NewUser("owner@example.com"), "hash", now)
        task = task_queries.add_task(connection, owner.id, NewTask("Task"), now)
    engine.dispose()

    def look_up(store: Store) -> float:
        began = time.perf_counter()
        with store.begin(writes=False) as transaction:
            task_queries.find_task(transaction.connection, owner.id, task.id)
        return time.perf_counter() - began

    return look_up


if __name__ == "__main__":
    main()
