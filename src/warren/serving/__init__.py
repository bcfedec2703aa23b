"""Serving requests: the worker and its parts, from a delivery to its settled outcome."""

from warren.serving.worker import Worker, WorkerOptions

__all__ = ["Worker", "WorkerOptions"]
