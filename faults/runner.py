"""Runs a scene: the fault under load, then the drain, the evidence, asking everything again, and the judgement."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from faults.asking_again import ask_again
from faults.evidence import drained, effects_now, gather, versions
from faults.ledger import Entry, Evidence, Figures, judge
from faults.node import Node
from faults.scene import Plan, Scene
from faults.system import System

DRAIN: Final = 120.0
"""Seconds after the load within which everything that clients sent has to be finished."""

DRAINS: Final = 2
"""How often a run waits for that: before the evidence is collected, and after everything is asked again."""

SAMPLE: Final = 500
"""Number of requests, at most, that are asked again in the short form, chosen at random; in full all are."""


@dataclass(kw_only=True, slots=True)
class Finding:
    """The result of a scene.

    Attributes:
        scene: the scene.
        plan: the requests and strikes that were needed.
        figures: the figures of the ledger.
        strikes: how often the fault struck.
        seconds: how many seconds the scene took.
        phases: how many seconds each part of it took.
        quantiles: p50 and p99 of the time from a request's first try to its answer, in milliseconds.
        versions: versions of broker and database.
        notes: further figures.
        failure: why the scene ended with an error; None if it did not.
    """

    scene: Scene
    plan: Plan
    figures: Figures = field(default_factory=Figures)
    strikes: int = 0
    seconds: float = 0.0
    phases: dict[str, float] = field(default_factory=dict)
    quantiles: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    failure: str | None = None

    @property
    def invalid(self) -> str | None:
        """Why the run proves nothing although no figure is wrong: too few strikes or requests; otherwise None."""
        if self.strikes < self.plan.strikes:
            return f"the fault struck {self.strikes} times, {self.plan.strikes} are needed"
        if self.figures.sent < self.plan.requests:
            return f"{self.figures.sent} requests were sent, {self.plan.requests} are needed"
        return None

    @property
    def verdict(self) -> str:
        """``green``, ``red``, or ``invalid``."""
        if self.failure or not self.figures.clean or (self.scene.letters_once and self.figures.letters_repeated):
            return "red"
        return "invalid" if self.invalid else "green"


async def run_scene(scene: Scene, seed: int, *, short: bool, broker: Node | None = None) -> Finding:
    """Run one scene.

    Args:
        scene: the scene.
        seed: seed of everything random.
        short: whether to run the short form.
        broker: a node that runs already; by default the scene starts one of its own.
    """
    began = time.monotonic()
    finding = Finding(scene=scene, plan=scene.plan(seed, short=short))
    try:
        async with System(
            scene.name,
            finding.plan.random,
            database=scene.database,
            broker=broker,
            heartbeat=scene.heartbeat,
            variables=scene.settings,
        ) as system:
            finding.phases["set up"] = time.monotonic() - began
            with _timed(finding, "under load"):
                async with asyncio.timeout(scene.limit):
                    await scene.run(system, finding.plan)
            await _judge(system, finding)
    except Exception as error:
        finding.failure = _describe(error)
    finding.seconds = time.monotonic() - began
    return finding


async def _judge(system: System, finding: Finding) -> None:
    with _timed(finding, "worked off"):
        evidence = await _gather(system)
    with _timed(finding, "asked again"):
        async with system.load(0) as asking:
            await ask_again(asking, _chosen(system, finding.plan))
        stuck = await drained(system.broker, system.topology, DRAIN)
    await system.end_workers()
    effects = await effects_now(system.database_url)
    finding.figures = judge(system.entries, _later(evidence, effects, stuck))
    finding.strikes = system.strikes
    finding.quantiles = _quantiles([seconds for load in system.loads for seconds in load.seconds])
    finding.versions = await asyncio.to_thread(versions, system.broker.url, system.database_url)
    finding.notes = {**system.notes, **_side_effects(system)}


@contextmanager
def _timed(finding: Finding, phase: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        finding.phases[phase] = time.monotonic() - began


async def _gather(system: System) -> Evidence:
    stuck = await drained(system.broker, system.topology, DRAIN)
    return await gather(system.broker.url, system.topology, system.database_url, stuck)


def _later(evidence: Evidence, effects: list[tuple[int, str]], stuck: int) -> Evidence:
    return Evidence(
        effects=evidence.effects,
        effects_after=effects,
        rows=evidence.rows,
        letters=evidence.letters,
        queued=evidence.queued,
        stuck=evidence.stuck + stuck,
    )


def _chosen(system: System, plan: Plan) -> list[Entry]:
    """Choose the requests to ask again: not those that became letters, because these would run again."""
    good = [entry for entry in system.entries if entry.due is None]
    return _sample(good, plan.random) if plan.short else good


def _sample(entries: list[Entry], random: Random) -> list[Entry]:
    return random.sample(entries, SAMPLE) if len(entries) > SAMPLE else entries


def _side_effects(system: System) -> dict[str, Any]:
    """Return how workers ended, and which errors clients received."""
    notes: dict[str, Any] = {}
    if deaths := system.deaths:
        notes["workers ended"] = dict(deaths)
    errors: dict[str, int] = {}
    for load in system.loads:
        for kind, count in load.errors.items():
            errors[kind] = errors.get(kind, 0) + count
    if errors:
        notes["errors of clients"] = errors
    return notes


def _quantiles(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    ordered = sorted(seconds)
    return {f"p{share}": round(ordered[len(ordered) * share // 100] * 1000, 1) for share in (50, 99)}


def _describe(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_describe(each) for each in error.exceptions)
    return f"{type(error).__name__}: {error}"
