"""The run against workers finds each fault that is planted in a worker, and none where there is none."""

import asyncio
import secrets
from datetime import timedelta
from typing import Any

import pytest

from leveret.contracts.conformance.checks import ConformanceCheck, failed
from leveret.contracts.conformance.talk import WorkersUnderTest
from leveret.contracts.conformance.worker import RULES, check_worker
from support.faulty_worker import TOKEN_OF, faulty_worker
from support.serving import keyring

FAULTS = {
    "another key is bound": ("publishing", "another routing key"),
    "reads anything": ("requests", "NaN"),
    "reads any id": ("ids", "an empty text"),
    "reads no properties": ("messages", "priority 5"),
    "executes foreign requests": ("messages", "reply_to a queue of the caller's choice"),
    "forgets correlation ids": ("messages", "no correlation_id"),
    "no content_type": ("replies", "content_type of a result"),
    "persistent replies": ("replies", "a result is not persistent"),
    "another id in the body": ("replies", "correlation_id in the body"),
    "further fields": ("replies", "fields of a result"),
    "an error beside a result": ("replies", "status and error of a result"),
    "no code": ("replies", "fields of an error"),
    "data in an error": ("replies", "status and data of an error"),
    "long texts": ("replies", "the text of an error is short"),
    "only direct reply-to": ("reply queues", "an exclusive queue with a name from the broker"),
    "answers the last caller": ("reply queues", "no reply_to, no reply"),
    "dies of a queue that is gone": (
        "reply queues",
        "a reply queue that is gone does not keep the next request waiting",
    ),
    "dies of a forged queue": ("reply queues", "a reply queue that nobody made does not keep the next request waiting"),
    "keeps no letters": ("letters", "a request without reply_to, refused with invalid_request"),
    "another code": ("letters", "a request without reply_to, refused with unknown_action"),
    "stores nothing": ("idempotency", "the same request again has the same answer, byte for byte"),
    "refuses before it looks": ("idempotency", "a late request that was executed before"),
    "executes late requests": ("idempotency", "a late request"),
    "stores refusals": ("idempotency", "the same request in time"),
    "executes only for a reply": ("idempotency", "a request without reply_to is executed"),
    "ignores the content": ("idempotency", "another content under a known id"),
    "overwrites": ("idempotency", "the first content after that"),
    "believes every token": ("tokens", "no token"),
    "knows no Bearer": ("tokens", "Bearer and a token"),
    "compares Bearer exactly": ("tokens", "bearer in small letters and a token"),
    "holds all": ("share", "requests that workers hold at once"),
    "drops requests": ("share", "replies to a burst of 800 requests"),
}
"""Each fault, and the check that finds it."""

ALSO = {
    "reads no properties": [
        ("messages", "a deadline that has passed"),
        ("messages", "content_encoding gzip"),
        ("messages", "x-retry-count 1"),
        ("messages", "reply_to amq.gen- alone"),
    ],
    "executes foreign requests": [
        ("idempotency", "a foreign reply_to becomes a letter"),
        ("idempotency", "a request with a foreign reply_to is not executed"),
    ],
    "stores nothing": [("idempotency", "five requests with one id at once")],
}
"""Further checks that a fault fails."""

Found = dict[str, list[ConformanceCheck]]


async def run(url: str, fault: str, limit: float = 1.0) -> list[ConformanceCheck]:
    """Check the rules that a fault is about; all of them if there is none."""
    rules = {rule for rule, _ in [FAULTS[fault], *ALSO.get(fault, [])]} if fault else set(RULES)
    token = keyring().issue(TOKEN_OF, timedelta(hours=1))
    async with faulty_worker(url, f"t{secrets.token_hex(4)}", fault) as topology:
        workers = WorkersUnderTest(url, topology, limit=limit, writing="note", data={"text": "$n"}, token=token)
        return await check_worker(workers, lambda _: None, sorted(rules))


@pytest.fixture(scope="module")
def found(broker: Any) -> Found:
    """What is found of each fault; they are tried side by side."""

    async def all_of_them() -> Found:
        results = await asyncio.gather(*(run(broker.url, fault) for fault in FAULTS))
        return dict(zip(FAULTS, results, strict=True))

    return asyncio.run(all_of_them())


def test_a_worker_without_a_fault_passes_every_check(broker: Any) -> None:
    checks = asyncio.run(run(broker.url, "", limit=20.0))
    assert failed(checks) == []
    assert {check.rule for check in checks} == set(RULES)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(found: Found, fault: str) -> None:
    seen = {(check.rule, check.name) for check in failed(found[fault])}
    assert {FAULTS[fault], *ALSO.get(fault, [])} <= seen


def test_every_rule_has_a_planted_fault() -> None:
    assert {rule for rule, _ in FAULTS.values()} == set(RULES)
