"""The suite can fail: it finds workers that break a promise."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from faults.node import Node
from faults.runner import run_scene
from faults.scene import Plan, Scene
from faults.system import System

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="kills and stops processes with POSIX signals"),
    pytest.mark.timeout(func_only=True),  # the start of the node has a limit of its own
]

BURST = 200

HELD, GO = "held", "go"
"""Files in the worker's folder; see broken_worker.py."""


def broken(fault: str, run_it: Callable[[System, Plan, list[str]], Awaitable[None]]) -> Scene:
    """A scene with workers that break a promise."""
    command = [sys.executable, "-P", str(Path(__file__).with_name("broken_worker.py")), fault, "worker"]

    async def with_command(system: System, plan: Plan) -> None:
        await run_it(system, plan, command)

    return Scene(name=fault, title=fault, run=with_command, requests=(BURST, BURST), strikes=(1, 1))


async def kill_with_requests_in_hand(system: System, plan: Plan, command: list[str]) -> None:
    async with system.workers(2, command) as workers, system.load(plan.requests, in_flight=BURST, timeout=3.0) as load:
        if await load.reached(BURST // 4) and await workers.kill():
            system.struck()


async def kill_before_the_commit(system: System, plan: Plan, command: list[str]) -> None:
    async with system.workers(1, command) as workers, system.load(plan.requests, in_flight=BURST, timeout=3.0) as load:
        while not (system.folder / HELD).exists():
            assert await load.goes_on(0.05)
        (system.folder / GO).touch()
        if await workers.kill(workers.current[0]):
            system.struck()


async def test_a_worker_that_acks_before_it_commits_loses_requests(node: Node) -> None:
    finding = await run_scene(broken("ack_before_commit", kill_before_the_commit), 1, short=True, broker=node)
    assert finding.verdict == "red"
    assert finding.figures.lost > 0
    assert not finding.failure


async def test_a_worker_that_keeps_no_responses_does_things_twice(node: Node) -> None:
    finding = await run_scene(broken("forget_responses", kill_with_requests_in_hand), 1, short=True, broker=node)
    assert finding.verdict == "red"
    assert finding.figures.duplicates > 0
    assert finding.figures.contradicting > 0
    assert not finding.failure
