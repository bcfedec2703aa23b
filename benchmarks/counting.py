"""What does counting cost a worker for each request?

    python benchmarks/counting.py [--count N] [--batch N]

Requests pass all points of their way, as the parts of a worker tell them, once without an observer and once with one
that counts. Printed is the difference in microseconds of processor time for each request, in the best of several
rounds, in which other programs disturbed least: at a low rate, where the parts of every request are measured, and at a
high rate, where those of one in 64 are. `benchmarks/stages.py` prints what a request costs altogether.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Final

from leveret.amqp import Delivery, Properties
from leveret.observe import Committed, Observers, Settled, Subject
from leveret.observe.counters import MEASURED, Counters
from leveret.outcome import Answer

ROUNDS: Final = 7


def one_batch(observers: Observers, subjects: Sequence[Subject], answer: Answer) -> None:
    """Pass all points, as the worker's parts do; the record of `Settled` is made for the log in any case."""
    if observers.active or observers.sampler:
        observers.admit([each for each in subjects])  # noqa: C416 - the worker makes a list of subjects here
    for subject in subjects:
        if observers.follow(subject):
            with observers.attempt(subject):
                pass
            observers.tell(Committed(subject))
    records = [Settled(subject, outcome=answer) for subject in subjects]
    if observers.active or observers.sampler:
        observers.settle(records)


def microseconds(make: Callable[[], Observers], requests: int, size: int) -> float:
    """Return the processor time for each request, in the best round."""
    answer, properties = Answer(b"{}"), Properties()
    subjects = [
        Subject(
            f"{tag:032x}",
            "v1.create_task",
            "7",
            Delivery("c", tag, redelivered=False, exchange="", routing_key="", properties=properties, body=b""),
            time.monotonic(),
        )
        for tag in range(1, size + 1)
    ]
    best = float("inf")
    for _ in range(ROUNDS):
        observers = make()
        began = time.process_time()
        for _ in range(requests // size):
            one_batch(observers, subjects, answer)
        best = min(best, (time.process_time() - began) / (requests // size * size) * 1e6)
    return best


def counting(second: Callable[[], float]) -> Observers:
    """Return observers with one that counts, whose clock is a function."""
    return Observers([Counters(["v1.create_task"], names_held=False, clock=second)])


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50_000, help="requests in a round")
    parser.add_argument("--batch", type=int, default=50, help=f"requests that come together, up to {MEASURED}")
    options = parser.parse_args()
    requests, size = options.count, min(options.batch, MEASURED)
    without = microseconds(Observers, requests, size)
    low = microseconds(lambda: counting(count().__next__), requests, size)  # each batch in another second
    high = microseconds(lambda: counting(lambda: 0), requests, size)  # all within one second
    print(f"without {without:.2f} us")
    for name, value in (("at a low rate", low), ("at a high rate", high)):
        print(f"with counters, {name}: {value:.2f} us, difference {value - without:.2f} us")


if __name__ == "__main__":
    main()
