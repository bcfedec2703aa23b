"""The scenes; importing this package registers all of them, in the order of the report."""

from faults.scenes import (
    alarms,
    broker_killed,
    connections_closed,
    crash_points,
    database_poison,
    intake_flood,
    locked,
    poison,
    poisoned_headers,
    postgres,
    queue_full,
    same_id,
    tcp_trouble,
    worker_killed,
    worker_stopped,
)

__all__ = [
    "alarms",
    "broker_killed",
    "connections_closed",
    "crash_points",
    "database_poison",
    "intake_flood",
    "locked",
    "poison",
    "poisoned_headers",
    "postgres",
    "queue_full",
    "same_id",
    "tcp_trouble",
    "worker_killed",
    "worker_stopped",
]
