"""The bench as a command: it measures, verifies, and says so; no figure of it is judged here."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from testbed.waiting import wait_until, wait_until_left

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "benchmarks")}
LIMIT = 110.0


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as `make bench-quick` does."""
    command = [sys.executable, "-m", "bench", "--quick", *arguments]
    return subprocess.run(
        command, env=ENVIRONMENT, capture_output=True, text=True, check=False, cwd=ROOT, timeout=LIMIT
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


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_bench_that_is_told_to_stop_leaves_nothing_behind(tmp_path: Path, how: signal.Signals) -> None:
    log = tmp_path / "log"
    environment = {**ENVIRONMENT, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "bench", "--only", "mixed", "--output", str(tmp_path / "bench.json")]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream, cwd=ROOT)
    try:
        # The first run has been told of, so that the second one goes on.
        wait_until(lambda: "] " in log.read_text() or process.poll() is not None, "a first run", limit=LIMIT)
        process.send_signal(how)
        assert process.wait(LIMIT) == 128 + how, log.read_text()
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()
        process.wait()
    wait_until_left(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
