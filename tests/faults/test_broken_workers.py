"""The suite can fail: workers that break a promise are found out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from faults.node import Node
from faults.runner import play
from faults.scene import Plan, Scene
from faults.stage import Stage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills and stops processes with POSIX signals")

BURST = 200


def killed(broken: str) -> Scene:
    """A worker that breaks a promise is killed with requests in its hands."""
    command = [sys.executable, "-P", str(Path(__file__).with_name("broken_worker.py")), broken, "worker"]

    async def kill_once(stage: Stage, plan: Plan) -> None:
        async with stage.crew(2, command) as crew, stage.load(plan.requests, in_flight=BURST, timeout=3.0) as load:
            if await load.reached(BURST // 4) and await crew.kill():
                stage.struck()

    return Scene(name=broken, title=broken, play=kill_once, requests=(BURST, BURST), strikes=(1, 1))


async def test_a_worker_that_acks_before_it_commits_loses_requests(node: Node) -> None:
    finding = await play(killed("ack_before_commit"), 1, short=True, broker=node)
    assert finding.verdict == "red"
    assert finding.figures.lost > 0
    assert not finding.failure


async def test_a_worker_that_keeps_no_responses_does_things_twice(node: Node) -> None:
    finding = await play(killed("forget_responses"), 1, short=True, broker=node)
    assert finding.verdict == "red"
    assert finding.figures.duplicates > 0
    assert finding.figures.contradicting > 0
    assert not finding.failure
