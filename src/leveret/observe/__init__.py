"""What a worker tells about each request: records for observers, and log lines."""

from leveret.observe.observers import Observers, Sampler
from leveret.observe.records import (
    Admitted,
    Batch,
    Begun,
    Committed,
    Ended,
    Observer,
    Point,
    Received,
    Record,
    Settled,
    Subject,
)

__all__ = [
    "Admitted",
    "Batch",
    "Begun",
    "Committed",
    "Ended",
    "Observer",
    "Observers",
    "Point",
    "Received",
    "Record",
    "Sampler",
    "Settled",
    "Subject",
]
