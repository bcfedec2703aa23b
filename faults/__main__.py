"""The fault suite: ``python -m faults [--short] [--only NAME]... [--list] [--seed N] [--output FILE.json]``."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import secrets
import sys
from collections.abc import Sequence
from concurrent.futures import as_completed
from pathlib import Path

import uvloop

import faults.scenes  # noqa: F401 -- registers the scenes
from faults import report
from faults.node import Node
from faults.runner import Finding, play
from faults.scene import REGISTER, Scene
from faults.short_form import begun
from leveret.process.interrupts import interruptible


def main(arguments: Sequence[str] | None = None) -> int:
    """Play scenes; returns 0 only when every one of them is green."""
    options = _parser().parse_args(arguments)
    if options.list:
        for scene in REGISTER.values():
            print(f"{scene.name:28} {scene.title}: {scene.requests[0]} requests, {scene.strikes[0]} strikes")
        return 0
    logging.getLogger("leveret").setLevel(logging.ERROR)  # that connections are lost is the point of it
    scenes = [REGISTER[name] for name in options.only] or list(REGISTER.values())
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    with interruptible():  # SIGTERM, and a terminal that is closed: everything ends, and no folder stays
        findings = (_play_all_short if options.short else _play_all)(scenes, seed)
    print("\n" + report.summary(findings))
    if options.table:
        print("\n" + report.table(findings))
    document = report.document(findings, seed, short=options.short)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"\nall figures: {options.output}")
    return 0 if all(finding.verdict == "green" for finding in findings) else 1


def _play_all(scenes: Sequence[Scene], seed: int) -> list[Finding]:
    """Play scenes in full, one after the other: each has the machine for itself."""
    findings = []
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for scene in scenes:
            print(f"playing {scene.name} ...", file=sys.stderr, flush=True)
            findings.append(runner.run(play(scene, seed, short=False)))
            print(report.block(findings[-1], seed), flush=True)
    return findings


def _play_all_short(scenes: Sequence[Scene], seed: int) -> list[Finding]:
    findings = []
    with Node() as shared, begun(scenes, seed, shared) as coming:
        for each in as_completed(coming.values()):
            findings.append(each.result())
            print(report.block(findings[-1], seed), flush=True)
    return sorted(findings, key=lambda finding: list(REGISTER).index(finding.scene.name))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m faults", description="play faults under load and judge the ledger")
    parser.add_argument("--short", action="store_true", help="the short form, within two minutes")
    parser.add_argument("--only", action="append", default=[], choices=list(REGISTER), help="one scene; repeatable")
    parser.add_argument("--list", action="store_true", help="list the scenes")
    parser.add_argument("--seed", type=int, help="decides everything random; default: a new one")
    parser.add_argument(
        "--output", type=Path, default=Path(".run/faults.json"), help="all figures as JSON (default: %(default)s)"
    )
    parser.add_argument("--table", action="store_true", help="print the documentation's table too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
