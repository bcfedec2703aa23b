"""Playing a scene: the fault under load, then the drain, the evidence, asking everything again, and the judgement."""

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
from faults.stage import Stage

DRAIN: Final = 120.0
"""Seconds until everything that clients sent must have come to its end."""

SAMPLE: Final = 500
"""In the short form at most so many requests are asked again, chosen at random; in full all are."""


@dataclass(kw_only=True, slots=True)
class Finding:
    """What a scene came to.

    Attributes:
        scene: which one.
        plan: what it had to come to.
        figures: the counts.
        strikes: how often the fault struck.
        seconds: how long all of it took.
        phases: how long each part of it took, in seconds.
        quantiles: p50 and p99 of the time from a request's first try to its answer, in milliseconds.
        versions: of broker and database.
        notes: further figures.
        failure: why it could not be played to its end, or None.
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
        """Why the run says nothing, although no count is wrong: too few strikes or requests."""
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


async def play(scene: Scene, seed: int, *, short: bool, broker: Node | None = None) -> Finding:
    """Play one scene.

    Args:
        scene: which one.
        seed: decides everything random.
        short: the short form.
        broker: a node that runs already; by default the scene has one of its own.
    """
    began = time.monotonic()
    finding = Finding(scene=scene, plan=scene.plan(seed, short=short))
    try:
        async with Stage(
            scene.name,
            finding.plan.random,
            database=scene.database,
            broker=broker,
            heartbeat=scene.heartbeat,
            variables=scene.settings,
        ) as stage:
            finding.phases["set up"] = time.monotonic() - began
            with _timed(finding, "played"):
                async with asyncio.timeout(scene.limit):
                    await scene.play(stage, finding.plan)
            await _settle_accounts(stage, finding)
    except Exception as error:
        finding.failure = _describe(error)
    finding.seconds = time.monotonic() - began
    return finding


async def _settle_accounts(stage: Stage, finding: Finding) -> None:
    with _timed(finding, "worked off"):
        evidence = await _gather(stage)
    with _timed(finding, "asked again"):
        async with stage.load(0) as asking:
            await ask_again(asking, _chosen(stage, finding.plan))
        stuck = await drained(stage.broker, stage.topology, DRAIN)
    await stage.end_crews()
    effects = await effects_now(stage.database_url)
    finding.figures = judge(stage.entries, _later(evidence, effects, stuck))
    finding.strikes = stage.strikes
    finding.quantiles = _quantiles([seconds for load in stage.loads for seconds in load.seconds])
    finding.versions = await asyncio.to_thread(versions, stage.broker.url, stage.database_url)
    finding.notes = {**stage.notes, **_told(stage)}


@contextmanager
def _timed(finding: Finding, phase: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        finding.phases[phase] = time.monotonic() - began


async def _gather(stage: Stage) -> Evidence:
    stuck = await drained(stage.broker, stage.topology, DRAIN)
    return await gather(stage.broker.url, stage.topology, stage.database_url, stuck)


def _later(evidence: Evidence, effects: list[tuple[int, str]], stuck: int) -> Evidence:
    return Evidence(
        effects=evidence.effects,
        effects_after=effects,
        rows=evidence.rows,
        letters=evidence.letters,
        queued=evidence.queued,
        stuck=evidence.stuck + stuck,
    )


def _chosen(stage: Stage, plan: Plan) -> list[Entry]:
    """Choose what is asked again: not what became a letter, since it was not stored and would run again."""
    good = [entry for entry in stage.entries if entry.due is None]
    return _sample(good, plan.random) if plan.short else good


def _sample(entries: list[Entry], random: Random) -> list[Entry]:
    return random.sample(entries, SAMPLE) if len(entries) > SAMPLE else entries


def _told(stage: Stage) -> dict[str, Any]:
    """What clients and workers met on the way."""
    told: dict[str, Any] = {}
    if deaths := stage.deaths:
        told["workers ended"] = dict(deaths)
    errors: dict[str, int] = {}
    for load in stage.loads:
        for kind, count in load.errors.items():
            errors[kind] = errors.get(kind, 0) + count
    if errors:
        told["clients met"] = errors
    return told


def _quantiles(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    ordered = sorted(seconds)
    return {f"p{share}": round(ordered[len(ordered) * share // 100] * 1000, 1) for share in (50, 99)}


def _describe(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_describe(each) for each in error.exceptions)
    return f"{type(error).__name__}: {error}"
