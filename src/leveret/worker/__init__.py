"""Serving requests: the worker and its parts, from a delivery to its settled outcome."""

from leveret.worker.options import WorkerOptions
from leveret.worker.watch.loop_guard import end_process_within
from leveret.worker.worker import Worker

__all__ = ["Worker", "WorkerOptions", "end_process_within"]
