"""The run against clients finds each fault that is planted in a client, and none where there is none."""

import asyncio
from functools import partial
from typing import Any

import pytest

from leveret.contracts.conformance.checks import ConformanceCheck, failed
from leveret.contracts.conformance.client import RULES, check_client
from leveret.contracts.conformance.vectors import ClientVectors, read_vectors
from support.faulty_client import FaultyClient

FAULTS = {
    "not persistent": "it is persistent",
    "another correlation_id": "correlation_id is the id",
    "no content_type": "content_type is JSON",
    "packed": "content_encoding is absent or a name of UTF-8",
    "a priority": "priority is absent or at most 4",
    "a retry count": "x-retry-count is absent",
    "a deadline that is a text": "x-deadline and x-timeout are absent or whole numbers",
    "a reply queue of its own name": "reply_to is a reply queue that the broker made",
    "a body with a name twice": "the body is a request",
    "changes data": "a result",
    "no token": "a token",
    "one id for all": "two calls",
    "an id of its own": "an id that is given",
    "no text": "an error",
    "no details": "an error with details",
    "knows no other codes": "an error with an unknown code",
    "strict about fields": "further fields in a reply",
    "takes any reply": "a reply to another request",
    "dies of a reply": "a reply that cannot be read",
    "no id": "no reply",
    "not mandatory": "a returned request",
    "no confirms": "a full queue",
    "never asks again": "a connection that is cut",
    "a new id for each attempt": "a connection that is cut",
    "another content": "a connection that is cut",
    "asks again once": "a connection that is cut twice",
    "asks again after an error": "a worker that gave up",
    "ends badly": "the program ends with its input",
}
"""Each fault, and the check that finds it."""

ALSO = {"takes any reply": ["a late reply", "a reply that comes twice"], "never asks again": ["a call after a cut"]}
"""Further checks that a fault fails."""

Found = dict[str, list[ConformanceCheck]]


async def run(url: str, fault: str) -> list[ConformanceCheck]:
    """Run the scripts that a fault is about; those that are about all requests are tried with one script."""
    names = {FAULTS.get(fault, ""), *ALSO.get(fault, [])} - {*RULES, "the program ends with its input"}
    scripts = (names or {"a result"}) if fault else None
    return await check_client(url, partial(FaultyClient, fault), lambda _: None, scripts)


@pytest.fixture(scope="module")
def found(broker: Any) -> Found:
    """What is found of each fault; they are tried side by side."""

    async def all_of_them() -> Found:
        results = await asyncio.gather(*(run(broker.url, fault) for fault in FAULTS))
        return dict(zip(FAULTS, results, strict=True))

    return asyncio.run(all_of_them())


def test_a_client_without_a_fault_passes_every_check(broker: Any) -> None:
    checks = asyncio.run(run(broker.url, ""))
    assert failed(checks) == []
    assert {check.name for check in checks} >= {*RULES, *(each.name for each in read_vectors(ClientVectors).vectors)}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(found: Found, fault: str) -> None:
    assert {FAULTS[fault], *ALSO.get(fault, [])} <= {check.name for check in failed(found[fault])}


def test_every_rule_about_requests_has_a_planted_fault() -> None:
    assert RULES.keys() <= set(FAULTS.values())


def test_every_script_has_a_planted_fault() -> None:
    covered = {*FAULTS.values(), *(name for names in ALSO.values() for name in names)}
    assert {each.name for each in read_vectors(ClientVectors).vectors} - covered == set()
