"""The bench as a command: it measures, verifies, and says so; no figure of it is judged here."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 110.0


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as `make bench-quick` does."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT / "benchmarks")])}
    command = [sys.executable, "-m", "bench", "--quick", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT, timeout=LIMIT
    )


def test_some_cases_give_verified_figures_tables_and_a_document(tmp_path: Path) -> None:
    output = tmp_path / "bench.json"
    done = bench("--only", "mixed", "--only", "start", "--output", str(output))
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(output.read_text())
    assert document["quick"] is True
    assert [run for run in document["runs"] if run["failure"] or run["sample"] is None] == []
    assert {run["case"] for run in document["runs"]} == {"mixed", "start"}
    for run in document["runs"]:
        figure = "seconds" if run["case"] == "start" else "rate"
        assert run["sample"]["values"][figure] > 0
    kinds = {run["who"]: set(run["sample"]["processes"]) for run in document["runs"] if run["case"] == "mixed"}
    assert kinds == {
        "taskmanager, SQLite, 1 proc.": {"worker", "broker", "load"},
        "taskmanager, PostgreSQL, 2 proc.": {"worker", "broker", "database", "load"},
    }
    assert document["targets"] == []
    assert "| taskmanager, SQLite, 1 proc. | 64 in flight |" in done.stdout
