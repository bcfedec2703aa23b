"""Whether what single actions have of their own fits the worker that runs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from leveret.api import Action
from leveret.durations import format_duration
from leveret.topology import Topology
from leveret.worker.options import WorkerOptions


def check_action_limits(actions: Iterable[Action], topology: Topology, options: WorkerOptions) -> None:
    """Check the retry policies and timeouts of actions against a worker.

    Raises:
        ValueError: one does not fit; the text says which, and what to do.
    """
    for action in actions:
        for problem in _problems(action, topology, options):
            raise ValueError(f"{action.full_name}: {problem}")


def _problems(action: Action, topology: Topology, options: WorkerOptions) -> Iterator[str]:
    limit = options.watchdog
    if action.timeout is not None and limit is not None and action.timeout >= limit:
        yield (
            f"one attempt may take {_words(action.timeout)}, and the watchdog ends a worker that finishes nothing for "
            f"{_words(limit)}. Let the watchdog wait longer, or make the timeout shorter"
        )
    if action.retry is None:
        return
    if missing := [delay for delay in action.retry.delays if delay not in topology.retry_queues]:
        yield (
            f"the topology has no retry queue for its delay of {_words(missing[0])}. Make the topology with all: "
            "`topology.with_delays(api.retry_delays)`"
        )
    if (waits := action.retry.longest) >= options.retention:
        yield (
            f"its retries take {_words(waits)} together, and responses are kept for {_words(options.retention)}. Keep "
            "them longer, or retry less"
        )


def _words(duration: timedelta) -> str:
    return format_duration(duration)
