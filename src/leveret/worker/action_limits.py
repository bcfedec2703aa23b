"""Whether what single actions have of their own fits the worker that runs them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from leveret.api import Action
from leveret.process.durations import format_duration
from leveret.topology import Topology
from leveret.worker.options import WorkerOptions


def check_action_limits(actions: Iterable[Action], topology: Topology, options: WorkerOptions) -> None:
    """Check the retry policies and timeouts of actions against a worker.

    Raises:
        ValueError: one does not fit; the text says which, and what to do.
    """
    every = list(actions)
    if problem := about_watchdog(every, options.watchdog):
        raise ValueError(f"watchdog: {problem}")
    if problem := about_retention(every, options.retention):
        raise ValueError(f"retention: {problem}")
    for action in every:
        for delay in action.retry.delays if action.retry else ():
            if delay not in topology.retry_queues:
                raise ValueError(
                    f"{action.full_name}: the topology has no retry queue for its delay of {format_duration(delay)}. "
                    "Make the topology with all: `topology.with_delays(api.retry_delays)`"
                )


def about_watchdog(actions: Iterable[Action], watchdog: timedelta | None) -> str:
    """Return why a watchdog would take an action for a worker that is stuck; an empty text if it would not."""
    timed = [(action.timeout, action.full_name) for action in actions if action.timeout is not None]
    if watchdog is None or not timed or (longest := max(timed))[0] < watchdog:
        return ""
    limit, name = longest
    return f"{format_duration(watchdog)} must be longer than an attempt of {name} may take, {format_duration(limit)}"


def about_retention(actions: Iterable[Action], retention: timedelta) -> str:
    """Return why responses are not kept for long enough for the retries of an action; an empty text if they are."""
    waits = [(action.retry.longest, action.full_name) for action in actions if action.retry is not None]
    if not waits or (longest := max(waits))[0] < retention:
        return ""
    wait, name = longest
    return (
        f"{format_duration(retention)} must be longer than all retries of {name} take together, {format_duration(wait)}"
    )
