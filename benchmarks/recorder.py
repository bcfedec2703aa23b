"""What the flight recorder costs: tells a recorder of all points of many requests.

It prints the processor time of one request. Run it as ``.venv/bin/python benchmarks/recorder.py``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from leveret.amqp import Delivery, Properties
from leveret.observe import Admitted, Begun, Committed, Ended, Observer, Observers, Received, Settled, Subject
from leveret.observe.recorder import FlightRecorder
from leveret.outcome import Answer

REQUESTS: Final = 50_000
ROUNDS: Final = 5


def main() -> None:
    """Print what a request costs with the recorder, and with an observer that does nothing; the best of some rounds."""
    with tempfile.TemporaryDirectory() as place:
        recorder = FlightRecorder("bench", "worker", folder=Path(place) / "recordings")
        for name, observers in (("recorder", [recorder]), ("observer that does nothing", [_nothing]), ("neither", [])):
            best = min(_seconds(observers) for _ in range(ROUNDS))
            print(f"{name}: {best / REQUESTS * 1e6:.1f} microseconds a request")
        recorder.close()


def _seconds(observers: Sequence[Observer]) -> float:
    told, answer = Observers(observers), Answer(b"{}")
    subjects = [Subject(f"{number:032x}", "v1.create_task", "7", _delivery(), 0.0) for number in range(REQUESTS)]
    began = time.process_time()
    for subject in subjects:
        if told.active:
            for kind in (Received, Admitted, Begun, Ended, Committed):
                told.tell(kind(subject))
        told.settle([Settled(subject, outcome=answer)])
    return time.process_time() - began


def _delivery() -> Delivery:
    return Delivery("c", 1, redelivered=False, exchange="", routing_key="q", properties=Properties(), body=b"")


def _nothing(_record: object) -> None:
    pass


if __name__ == "__main__":
    main()
