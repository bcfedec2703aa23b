"""Whatever a message holds, it ends as work, answer or dead letter; nothing raises, nothing stays, nothing grows."""

import base64
import gc
import io
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis.strategies import SearchStrategy

from leveret.amqp import Delivery, Message, Properties
from leveret.amqp.frames import publish
from leveret.amqp.rabbitmq import DIRECT_REPLY_TO
from leveret.auth.keyring import Keyring, Principal, Ticket
from leveret.outcome import Answer, DeadLetter, Outcome, PutBack, Retry
from leveret.topology import Topology
from leveret.wire.letter import decode_letter
from leveret.worker.admit.rejections import refused
from leveret.worker.arrive.intake import Intake
from leveret.worker.leave.outcome_messages import OutcomeMessages
from leveret.worker.leave.settle import messages_of
from leveret.worker.run.jobs import Jobs
from leveret.worker.work import DeclinedDelivery, RejectedRequest, Work
from support.fuzzing import PASSWORD, Fuzzer, Sample, fuzzers
from support.memory import memory_of
from support.responses import ok
from support.serving import SECRET
from taskmanager.actions import app

ROUNDS, FUZZERS, EACH = 10, 100, 100
SAMPLES = ROUNDS * FUZZERS * EACH
"""A round is one search of hypothesis, which then forgets what it tried: the memory is the product's."""

NOW = 1_800_000_000.0
"""Fixed, so that the tokens, and with them the samples, are the same in every run."""

WARM = 1
MOST_GROWTH = 24 * 1024 * 1024
"""Bytes that a process may grow between the end of round 1, the second one, and the last: caches are full by then."""

NAMED_PASSWORD = re.compile(rb"""password\\?["']?\s*[:=]\s*\\?["']?""" + PASSWORD.encode(), re.IGNORECASE)
"""A password whose name was garbled cannot be told from any other word."""

FRAME_MAX = 131_072
TOPOLOGY = Topology("fuzz")
DIRECT = f"{DIRECT_REPLY_TO}.g2dkAA5yYWJiaXRAbG9jYWxob3N0AAAAAAAAAAA=.key"
OWN_QUEUES = ("amq.gen-JzTY20BRgKO_HjmUJj0wLg", DIRECT)
FOREIGN_QUEUES = (
    TOPOLOGY.requests,
    TOPOLOGY.dead_letters,
    *TOPOLOGY.retries,
    DIRECT_REPLY_TO,
    "tasks",
    " ",
    "amq.gen-\n",
)
NO_SERVICES: Any = None
JOBS: Jobs = Jobs(NO_SERVICES)


@pytest.fixture
def quiet() -> Iterator[io.StringIO]:
    """What the worker logs goes into a text instead of into the test's memory of records."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    loggers = [logging.getLogger("leveret.worker"), logging.getLogger()]
    before = [found.handlers[:] for found in loggers]
    for found in loggers:
        found.handlers[:] = [handler]
    yield stream
    for found, handlers in zip(loggers, before, strict=True):
        found.handlers[:] = handlers


def test_100_000_messages_gone_wild_each_come_to_an_outcome_and_memory_stays_flat(quiet: io.StringIO) -> None:
    ring = Keyring(SECRET, issuer="test", clock=lambda: NOW)
    good = ring.issue("7", timedelta(hours=1))
    intake, maker = Intake(app, ring, clock=lambda: NOW), OutcomeMessages(TOPOLOGY, ring, clock=lambda: NOW)
    kinds: Counter[str] = Counter()
    memory: list[int] = []

    def each_comes_to_its_end(fuzzer: Fuzzer) -> None:
        for number in range(EACH):
            sample = fuzzer.sample()
            try:
                kinds[bring_to_its_end(sample, number, intake, maker, good)] += 1
            except Exception as error:
                raise AssertionError(f"sample {number} of the fuzzer: {sample}") from error

    made = fuzzers(tokens(ring, good), (None, None, *(4 * OWN_QUEUES), *FOREIGN_QUEUES))
    for number in range(ROUNDS):
        search(each_comes_to_its_end, made, number)
        memory.append(memory_of())
    grown = memory[-1] - memory[WARM]
    assert grown < MOST_GROWTH, f"{grown} bytes more after {SAMPLES} messages than after {WARM + 1} rounds: {memory}"
    assert quiet.getvalue() == "", "something was not foreseen"
    assert sum(kinds.values()) >= SAMPLES
    assert min(kinds[kind] for kind in ("work", "answer", "letter")) > SAMPLES // 50, kinds


def search(holds: Callable[[Fuzzer], None], made: SearchStrategy[Fuzzer], number: int) -> None:
    """Have hypothesis look for a fuzzer for which it does not hold; the same ones for the same number."""
    wanted = settings(max_examples=FUZZERS, database=None, deadline=None)
    seed(number)(wanted(given(made)(holds)))()
    gc.collect()


def bring_to_its_end(sample: Sample, number: int, intake: Intake, maker: OutcomeMessages, good: str) -> str:
    properties = Properties(**sample.properties)
    delivery = Delivery("c", number + 1, number % 5 == 0, TOPOLOGY.exchange, TOPOLOGY.requests, properties, sample.body)
    item = intake.take(delivery)
    if isinstance(item, DeclinedDelivery):
        assert isinstance(item.outcome, Answer | DeadLetter)
        check(item, item.outcome, maker, good)
        return "answer" if isinstance(item.outcome, Answer) else "letter"
    if isinstance(item, RejectedRequest):
        check(item.work, refused(item.work, item.error), maker, good)
        return "rejected"
    assert len(JOBS.job(item).fingerprint) == (16 if item.stores else 0)
    outcomes: tuple[Outcome, ...] = (
        Answer(ok(item.request.id, None)),
        Retry(item.retries + 1, timedelta(seconds=5), "why"),
        DeadLetter("retries exhausted: why", "internal"),
    )
    check(item, outcomes[number % 3], maker, good)
    return "work"


def check(item: Work | DeclinedDelivery, outcome: Outcome, maker: OutcomeMessages, good: str) -> None:
    """Each message can be written, goes where it may go, carries no header of the caller, and no secret."""
    asked = item.delivery.properties
    assert not isinstance(outcome, PutBack)
    messages = messages_of(item, outcome, maker)
    answered = bool(asked.reply_to) and asked.reply_to in OWN_QUEUES
    assert len(messages) == {Answer: int(answered), Retry: 1}.get(type(outcome), len(messages))
    for message in messages:
        assert message.exchange == ""
        publish(1, message, FRAME_MAX, 1 if message.mandatory else 0)
        if message.routing_key == TOPOLOGY.dead_letters:
            check_letter(message, good)
        elif message.routing_key in TOPOLOGY.retries:
            assert set(message.properties.headers or {}) == {"x-retry-count", "x-attempts"}
            assert good.encode() not in message.body
        else:
            assert message.routing_key == asked.reply_to
            assert answered
            assert not message.properties.headers
            assert not message.properties.reply_to
    if isinstance(outcome, DeadLetter):
        assert messages[0].routing_key == TOPOLOGY.dead_letters


def check_letter(message: Message, good: str) -> None:
    letter = decode_letter(message.body)
    assert not letter.reason.startswith("cannot be read"), letter.reason
    assert len(letter.reason) < 1200
    assert set(message.properties.headers or {}) <= {"x-retry-count", "x-principal", "x-seal", "x-death"}
    for written in (message.body, (message.properties.correlation_id or "").encode()):
        assert good.encode() not in written
        assert not NAMED_PASSWORD.search(written)
    assert not message.properties.reply_to


def tokens(ring: Keyring, good: str) -> list[str]:
    """Good ones, and what an attacker makes of them."""
    other = Keyring(SECRET[::-1], issuer="test", clock=lambda: NOW).issue("7", timedelta(hours=1))
    head, claims, _ = good.split(".")
    stolen = ring.issue_ticket(Ticket(Principal("7"), "f1", 1))
    forged = [
        other,
        f"{head}.{claims}.",
        f"{head}.{claims}.{'A' * 43}",
        "e30.e30.e30",
        "..",
        "Bearer",
        "Ticket ",
        "null",
    ]
    nested = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 3000).decode().rstrip("=") + ".e30.e30"
    several = [f"Ticket {good}", stolen[7:], nested]
    return [*(8 * [good]), f"Bearer {good}", f"bearer  {good}", "", *forged, stolen, *several]
