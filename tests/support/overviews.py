"""An overview of a busy system, for those who show overviews."""

from __future__ import annotations

from leveret.operate.overview import (
    DepthSample,
    Durations,
    HeldRequest,
    Overview,
    Part,
    Seen,
    System,
    WorkerSample,
    compose,
)

NOW = 1_800_000_000.0
BOUNDS = (0.001, 0.005, 0.02)


def worker(pid: int, ago: float, finished: int, held: tuple[HeldRequest, ...] = ()) -> WorkerSample:
    return WorkerSample(
        name=f"taskmanager worker {pid}",
        host="ant",
        pid=pid,
        version="1.4.0",
        framework="0.2.0",
        started=NOW - 3600,
        at=NOW - ago,
        finished=finished,
        waiting=Durations(BOUNDS, (finished, 0, 0, 0)),
        total=Durations(BOUNDS, (0, finished, 0, 0)),
        lanes=4,
        lanes_busy=3,
        held=held,
    )


def busy(held: int = 3, workers: int = 2) -> Overview:
    """Two workers (unless said otherwise) with requests in hand, of which one is silent, and 3 letters."""
    samples = []
    for pid in range(1, workers + 1):
        requests = tuple(
            HeldRequest(f"request-{pid}-{n}", "v2.create_task" if n % 2 else "v1.stats", NOW - 10 * n - pid)
            for n in range(held)
        )
        samples += [worker(pid, 60, 0), worker(pid, 30 if pid == 2 else 1, 600, requests)]
    seen = Seen(
        workers=tuple(samples),
        depths=(
            DepthSample(at=NOW - 10, waiting=0, retrying=0, letters=3, consumers=workers),
            DepthSample(at=NOW, waiting=20, retrying=10, letters=3, consumers=workers),
        ),
        broker=Part(state="ok", words="RabbitMQ 4.3.6 at amqp://broker:5672"),
        database=Part(state="away", words="no route to host", since=NOW - 65),
        reports=Part(state="ok", words="api.requests.status"),
    )
    return compose(seen, System(application="taskmanager", limit=1000, command="taskmanager {}".format), NOW)
