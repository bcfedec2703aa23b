"""The fault suite in its short form: every scene, two at a time, on a broker that those share which leave it whole."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

import faults.scenes  # noqa: F401 -- registers the scenes
from faults import report
from faults.runner import Finding, play
from faults.scene import REGISTER
from warren.devbroker import DevBroker

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills and stops processes with POSIX signals")

AT_ONCE = 2
"""Scenes that are played at the same time: most of what they do is to wait."""

SEED = secrets.randbelow(10**6)


@pytest.fixture(scope="module")
def findings(request: pytest.FixtureRequest, node: DevBroker) -> Iterator[dict[str, Future[Finding]]]:
    """What becomes of each scene whose test was chosen."""

    def play_short(name: str) -> Finding:
        return asyncio.run(play(REGISTER[name], SEED, short=True, broker=node))

    tests = [test for test in request.session.items if getattr(test, "module", None) is request.module]
    chosen = [str(test.callspec.params["name"]) for test in tests if isinstance(test, pytest.Function)]
    with ThreadPoolExecutor(AT_ONCE, "scene") as pool:
        yield {name: pool.submit(play_short, name) for name in chosen}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", REGISTER)
def test_nothing_is_lost_doubled_or_left_behind(name: str, findings: dict[str, Future[Finding]]) -> None:
    finding = findings[name].result()
    assert finding.verdict == "green", report.block(finding, SEED)
