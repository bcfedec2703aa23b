"""The suite can fail: workers that break a promise are found out."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from faults.node import Node
from faults.runner import play
from faults.scene import Plan, Scene
from faults.stage import Stage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills and stops processes with POSIX signals")

BURST = 200

HELD, GO = "held", "go"
"""Files in the worker's folder; see broken_worker.py."""


def broken(fault: str, play_it: Callable[[Stage, Plan, list[str]], Awaitable[None]]) -> Scene:
    """A scene with workers that break a promise."""
    command = [sys.executable, "-P", str(Path(__file__).with_name("broken_worker.py")), fault, "worker"]

    async def with_command(stage: Stage, plan: Plan) -> None:
        await play_it(stage, plan, command)

    return Scene(name=fault, title=fault, play=with_command, requests=(BURST, BURST), strikes=(1, 1))


async def kill_with_requests_in_hand(stage: Stage, plan: Plan, command: list[str]) -> None:
    async with stage.crew(2, command) as crew, stage.load(plan.requests, in_flight=BURST, timeout=3.0) as load:
        if await load.reached(BURST // 4) and await crew.kill():
            stage.struck()


async def kill_before_the_commit(stage: Stage, plan: Plan, command: list[str]) -> None:
    async with stage.crew(1, command) as crew, stage.load(plan.requests, in_flight=BURST, timeout=3.0) as load:
        while not (stage.folder / HELD).exists():
            assert await load.goes_on(0.05)
        (stage.folder / GO).touch()
        if await crew.kill(crew.members[0]):
            stage.struck()


async def test_a_worker_that_acks_before_it_commits_loses_requests(node: Node) -> None:
    finding = await play(broken("ack_before_commit", kill_before_the_commit), 1, short=True, broker=node)
    assert finding.verdict == "red"
    assert finding.figures.lost > 0
    assert not finding.failure


async def test_a_worker_that_keeps_no_responses_does_things_twice(node: Node) -> None:
    finding = await play(broken("forget_responses", kill_with_requests_in_hand), 1, short=True, broker=node)
    assert finding.verdict == "red"
    assert finding.figures.duplicates > 0
    assert finding.figures.contradicting > 0
    assert not finding.failure
