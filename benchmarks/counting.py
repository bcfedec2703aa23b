"""What does counting cost a worker for each request?

    python benchmarks/counting.py [--count N]

The records of one request are made and told, as a worker does it, once without an observer and once with one that
counts. Printed is the difference in microseconds of processor time for each request, in the best of several rounds, in
which other programs disturbed least. `benchmarks/stages.py` prints what a request costs altogether.
"""

from __future__ import annotations

import argparse
import time
from typing import Final

from leveret.amqp import Delivery, Properties
from leveret.observe import Admitted, Committed, Observers, Received, Settled, Subject
from leveret.observe.counters import Counters
from leveret.outcome import Answer

ROUNDS: Final = 7


def one_request(observers: Observers, subject: Subject, answer: Answer) -> None:
    """Pass all points, as the worker's parts do; the record of `Settled` is made for the log in any case."""
    if observers.active:
        observers.tell(Received(subject))
        observers.tell(Admitted(subject))
        with observers.attempt(subject):
            pass
        observers.tell(Committed(subject))
    settled = Settled(subject, outcome=answer)
    if observers.active:
        observers.tell(settled)


def microseconds(observers: Observers, count: int) -> float:
    """Return the processor time for each request, in the best round."""
    delivery = Delivery("c", 1, redelivered=False, exchange="", routing_key="", properties=Properties(), body=b"")
    subject, answer = Subject("id", "v1.create_task", "7", delivery, time.monotonic()), Answer(b"{}")
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(count):
            one_request(observers, subject, answer)
        best = min(best, (time.process_time() - began) / count * 1e6)
    return best


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50_000, help="requests in a round")
    count = parser.parse_args().count
    without = microseconds(Observers(), count)
    counted = microseconds(Observers([Counters(["v1.create_task"])]), count)
    print(f"without {without:.2f} us, with counters {counted:.2f} us, difference {counted - without:.2f} us")


if __name__ == "__main__":
    main()
