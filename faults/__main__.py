"""The fault suite: ``python -m faults [--short] [--only NAME]... [--list] [--seed N] [--output FILE.json]``."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import secrets
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import as_completed
from pathlib import Path
from typing import Final

import uvloop

import faults.scenes  # noqa: F401 -- registers the scenes
from faults import report
from faults.node import Node
from faults.runner import Finding, run_scene
from faults.scene import REGISTER, Scene
from faults.short_form import running_scenes
from leveret.process.interrupts import interruptible

INTERRUPTED: Final = 128 + signal.SIGINT
"""Exit code after Ctrl-C, SIGTERM or SIGHUP, as a shell reports a program that SIGINT ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run scenes; return 0 only if all of them are green."""
    options = _parser().parse_args(arguments)
    if options.list:
        for scene in REGISTER.values():
            print(f"{scene.name:28} {scene.title}: {scene.requests[0]} requests, {scene.strikes[0]} strikes")
        return 0
    logging.getLogger("leveret").setLevel(logging.ERROR)  # connections are lost on purpose here
    scenes = [REGISTER[name] for name in options.only] or list(REGISTER.values())
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    try:
        with interruptible():  # SIGTERM, or a terminal that is closed, ends everything and removes all folders
            findings = (_run_all_short if options.short else _run_all)(scenes, seed)
    except KeyboardInterrupt:
        print("interrupted: everything that was started is stopped; nothing is judged", file=sys.stderr)
        return INTERRUPTED
    print("\n" + report.summary(findings))
    if options.table:
        print("\n" + report.table(findings))
    document = report.document(findings, seed, short=options.short)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"\nall figures: {options.output}")
    return 0 if all(finding.verdict == "green" for finding in findings) else 1


def _run_all(scenes: Sequence[Scene], seed: int) -> list[Finding]:
    """Run scenes in full, one after the other, so that each has the machine for itself."""
    findings = []
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for scene in scenes:
            print(f"running {scene.name} ...", file=sys.stderr, flush=True)
            findings.append(runner.run(run_scene(scene, seed, short=False)))
            print(report.block(findings[-1], seed), flush=True)
    return findings


def _run_all_short(scenes: Sequence[Scene], seed: int) -> list[Finding]:
    findings = []
    with Node() as shared, running_scenes(scenes, seed, shared) as futures:
        for future in as_completed(futures.values()):
            findings.append(future.result())
            print(report.block(findings[-1], seed), flush=True)
    return sorted(findings, key=lambda finding: list(REGISTER).index(finding.scene.name))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m faults", description="inject faults under load and judge the result"
    )
    parser.add_argument("--short", action="store_true", help="the short form, within two minutes")
    parser.add_argument("--only", action="append", default=[], choices=list(REGISTER), help="one scene; repeatable")
    parser.add_argument("--list", action="store_true", help="list the scenes")
    parser.add_argument("--seed", type=int, help="seed of everything random (default: a new one)")
    parser.add_argument(
        "--output", type=Path, default=Path(".run/faults.json"), help="all figures as JSON (default: %(default)s)"
    )
    parser.add_argument("--table", action="store_true", help="print the documentation's table too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
