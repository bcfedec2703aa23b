"""Bodies that are small for their sender and could be dear for a worker: each is dealt with in a blink."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from leveret.amqp import Delivery, FieldTable, FieldValue, Properties
from leveret.outcome import Answer, DeadLetter
from leveret.topology import Topology
from leveret.wire.limits import LARGEST_REQUEST
from leveret.worker.arrive.intake import Intake
from leveret.worker.leave.outcome_messages import OutcomeMessages
from leveret.worker.leave.settle import messages_of
from leveret.worker.run.jobs import Jobs
from leveret.worker.work import DeclinedDelivery, Work
from support.responses import ok
from support.serving import keyring
from taskmanager.actions import app

MOST = 4.0
"""Seconds of computing to deal a dozen times with a body of 256 KiB; what grows with its square takes minutes."""


NO_SERVICES: Any = None
"""Nothing is executed here."""


def filled(pattern: bytes) -> bytes:
    return (pattern * (LARGEST_REQUEST // len(pattern) + 1))[:LARGEST_REQUEST]


def names(last: bytes) -> bytes:
    """An object of as many names as there is room for, of which only the last one stands there twice."""
    return b"{" + b"".join(b'"%05x":1,' % number for number in range(25_000)) + last + b"}"


def token(header: bytes) -> bytes:
    encoded = base64.urlsafe_b64encode(header).rstrip(b"=").decode()
    request = {"id": "a", "version": "v1", "action": "get_task", "data": {"task_id": 1}, "auth": f"{encoded}.e30.eA"}
    return json.dumps(request).encode()


def request(**fields: object) -> bytes:
    return json.dumps({"id": "a", "version": "v1", "action": "create_task", "data": {"title": "t"}} | fields).encode()


def delivery(body: bytes, reply_to: str | None, headers: FieldTable) -> Delivery:
    properties = Properties(reply_to=reply_to, headers=headers)
    return Delivery("c", 1, redelivered=False, exchange="", routing_key="", properties=properties, body=body)


BODIES: dict[str, Callable[[], bytes]] = {
    "a name that stands there twice": lambda: names(b'"00000":1'),
    "many names": lambda: names(b'"title":1'),
    "what begins like a token": lambda: filled(b"ey"),
    "what begins like a token, with dots": lambda: filled(b"eyJhbGciOiJI."),
    "words and dots": lambda: filled(b"a."),
    "names of passwords": lambda: filled(b'"password" : '),
    "passwords without an end": lambda: b'{"password":"' + filled(b"\\")[:200_000],
    "blanks behind a password": lambda: b'{"password"' + filled(b" ")[:200_000],
    "quotes": lambda: filled(b'"'),
    "brackets": lambda: filled(b"["),
    "brackets and quotes": lambda: filled(b'["'),
    "digits": lambda: b'{"x":' + filled(b"9")[:200_000] + b"}",
    "a fraction": lambda: b'{"x":0.' + filled(b"1")[:200_000] + b"}",
    "escapes": lambda: b'{"x":"' + filled(b"\\u00e4")[:199_998] + b'"}',
    "a deep token": lambda: token(b'{"alg":' + filled(b"[")[:150_000]),
    "a wide token": lambda: token(b'{"alg":"HS256","x":"' + filled(b"x")[:150_000] + b'"}'),
    "a long action": lambda: request(action="x" * 200_000),
    "a long status": lambda: request(data={"title": "t", "status": "eyJ" * 60_000}),
    "a text that is JSON": lambda: request(data={"title": "t", "x": '{"password":"' * 10_000}),
    "many objects": lambda: request(data={"title": "t", "x": [{}] * 60_000}),
    "many texts": lambda: request(data={"title": "t", "x": ["ey.ey."] * 20_000}),
}


@pytest.mark.parametrize("make", BODIES.values(), ids=BODIES.keys())
def test_no_body_takes_longer_than_its_size_explains(make: Callable[[], bytes]) -> None:
    body, ring = make(), keyring()
    assert 100_000 < len(body) <= LARGEST_REQUEST
    intake, maker = Intake(app, ring), OutcomeMessages(Topology("costly"), ring)
    jobs: Jobs = Jobs(NO_SERVICES)
    no_retries_and_one: tuple[FieldTable, ...] = ({}, {"x-retry-count": 1})
    began = time.process_time()
    for reply_to in (None, "amq.gen-somebody"):
        for headers in no_retries_and_one:
            item = intake.take(delivery(body, reply_to, headers))
            if isinstance(item, DeclinedDelivery):
                assert isinstance(item.outcome, Answer | DeadLetter)
                messages_of(item, item.outcome, maker)
                assert len(item.subject.action) < 200
            else:
                assert isinstance(item, Work)
                assert jobs.job(item).key.id == "a"
                messages_of(item, Answer(ok("a", None)), maker)
            maker.of(item, DeadLetter("why"))
    assert time.process_time() - began < MOST


def test_only_what_a_worker_has_moved_on_may_be_larger_than_a_request() -> None:
    large = request(data={"title": "t", "x": "y" * LARGEST_REQUEST})
    intake = Intake(app, keyring())
    zeros: tuple[FieldValue, ...] = (0, False, 0.0)
    for count in zeros:
        item = intake.take(delivery(large, "amq.gen-somebody", {"x-retry-count": count}))
        assert isinstance(item, DeclinedDelivery)
        assert isinstance(item.outcome, Answer)
        assert b"Request too large" in item.outcome.body
