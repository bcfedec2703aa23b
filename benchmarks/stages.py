"""What does a request cost a worker's processor, stage by stage, when nothing else runs beside it?

    python benchmarks/stages.py [--batch N [N ...]] [--count N]

Real requests for `create_task` go through the real code of a worker in one thread, on an SQLite file, without a broker:
decoded from the bytes of AMQP frames, checked, run in one transaction for each batch, answered, and encoded again.
Printed are the medians of all batches, in microseconds of processor time for each request: ``act`` is the action
itself, as an observer sees it, and ``run`` the transaction around it. A worker at work needs more: there broker, event
loop and lane take turns on the same cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from pamqp import body, commands, frame, header

from leveret.amqp import Delivery, frames
from leveret.amqp.reader import Reader
from leveret.auth.keyring import Keyring
from leveret.inbox.batch import AnsweredJob, Inbox, Part, Result
from leveret.inbox.journal import Journal
from leveret.observe import Begun, Ended, Observers, Record
from leveret.outcome import Answer
from leveret.sql import Store, create_engine
from leveret.sql.schema import upgrade
from leveret.topology import Topology
from leveret.worker.arrive.intake import Intake
from leveret.worker.leave.outcome_messages import OutcomeMessages
from leveret.worker.leave.settle import messages_of
from leveret.worker.run.jobs import Jobs
from leveret.worker.work import Work
from taskmanager import usecases
from taskmanager.actions import Services, app
from taskmanager.domain import NewUser
from taskmanager.passwords import Passwords

LIFETIME = timedelta(hours=1)
REPLY_TO = "amq.rabbitmq.reply-to.g1h3AA5yZXBseUA2Njg5OTkwOQAAB1oAAAAAZ2tGMg==.abcdefghijklmnop"
STAGES = ("decode", "check", "prepare", "run", "act", "answer", "encode")
WITHIN = {"act"}
"""Stages within another one, which a sum must not count twice."""


class Stages:
    """A worker's stages, one after the other, and how long each of them took."""

    def __init__(self, engine: sa.Engine, passwords: Passwords) -> None:
        keys, topology = Keyring(b"s" * 32, issuer="benchmark"), Topology("api")
        with engine.begin() as connection:
            owner = usecases.register(connection, NewUser("owner@example.com"), "hash", datetime.now(UTC))
        self._token = keys.issue(str(owner.id), LIFETIME)
        self._reader = Reader()
        self._intake = Intake(app, keys)
        self._jobs: Jobs = Jobs(Services(passwords, keys, LIFETIME), observers=Observers([self._watch]))
        self._store = Store(engine)
        self._inbox = Inbox(self._store, Journal())
        self._messages = OutcomeMessages(topology, keys)
        self._sent = 0
        self._acted = 0.0
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def close(self) -> None:
        """Close the connection to the database."""
        self._store.close()

    def play(self, size: int) -> None:
        """Have one batch go through all stages."""
        data = b"".join(self._request() for _ in range(size))
        with self._timed("decode"):
            deliveries = [event for _, event in self._reader.feed(data) if isinstance(event, Delivery)]
        with self._timed("check"):
            works = [work for work in map(self._intake.take, deliveries) if isinstance(work, Work)]
        with self._timed("prepare"):
            jobs = [self._jobs.job(work) for work in works]
        results: list[Result] = []

        def keep(part: Part) -> bool:
            results.extend(result for _, result in part)
            return True

        self._acted = 0.0
        with self._timed("run"):
            self._inbox.run_batch(jobs, keep)
        self.seconds["run"][-1] -= self._acted
        self.seconds["act"].append(self._acted)
        responses = [result.response for result in results if isinstance(result, AnsweredJob) and not result.code]
        if len(responses) != size:
            raise AssertionError(f"{size} requests were sent, {len(responses)} were answered: {results[0]}")
        with self._timed("answer"):
            replies = [
                message
                for work, response in zip(works, responses, strict=True)
                for message in messages_of(work, Answer(response), self._messages)
            ]
        with self._timed("encode"):
            b"".join([frames.publish(1, reply, self._reader.frame_max) for reply in replies])

    def _watch(self, record: Record) -> None:
        """Count the time from the beginning of each action to its end; observes the attempts."""
        if isinstance(record, Begun):
            self._acted -= time.thread_time()
        elif isinstance(record, Ended):
            self._acted += time.thread_time()

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = time.thread_time()
        yield
        self.seconds[stage].append(time.thread_time() - began)

    def _request(self) -> bytes:
        self._sent += 1
        request_id = f"stages-{self._sent}"
        data = {"title": "Buy milk", "description": "demo task"}
        request = {"id": request_id, "version": "v1", "action": "create_task", "data": data, "auth": self._token}
        content = json.dumps(request, separators=(",", ":")).encode()
        properties = commands.Basic.Properties(
            "application/json", delivery_mode=2, correlation_id=request_id, reply_to=REPLY_TO
        )
        parts = (
            commands.Basic.Deliver("c1.1", self._sent, exchange="api.direct", routing_key="api.requests"),
            header.ContentHeader(0, len(content), properties),
            body.ContentBody(content),
        )
        return b"".join(frame.marshal(part, 1) for part in parts)


def measure(size: int, count: int) -> dict[str, float]:
    """Give the median of each stage for batches of one size, in microseconds for each request."""
    with tempfile.TemporaryDirectory() as folder, Passwords() as passwords:
        url = f"sqlite:///{Path(folder) / 'stages.db'}"
        upgrade(url, app.schema, app.names)
        engine = create_engine(url)
        stages = Stages(engine, passwords)
        for _ in range(max(count // size, 10)):
            stages.play(size)
        stages.close()
        engine.dispose()
    return {stage: statistics.median(stages.seconds[stage]) / size * 1e6 for stage in STAGES}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Processor time of a request in a worker, stage by stage.")
    parser.add_argument(
        "--batch", type=int, nargs="+", default=[1, 8, 64], help="requests in a batch (default: 1 8 64)"
    )
    parser.add_argument("--count", type=int, default=5000, help="requests for each size (default: 5000)")
    options = parser.parse_args()
    print(f"{'batch':>8}" + "".join(f"{stage:>10}" for stage in (*STAGES, "all")) + "   microseconds for each request")
    for size in options.batch:
        took = measure(size, options.count)
        print(f"{size:8}" + "".join(f"{each:10.1f}" for each in (*took.values(), in_all(took))))


def in_all(took: Mapping[str, float]) -> float:
    """Return what all stages took together."""
    return sum(each for stage, each in took.items() if stage not in WITHIN)


if __name__ == "__main__":
    main()
