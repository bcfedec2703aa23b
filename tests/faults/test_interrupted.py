"""A fault suite that is told to stop ends everything that it started, and says so in words."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.waiting import wait_until, wait_until_left

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 60.0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_scene_leaves_nothing_behind(tmp_path: Path, how: signal.Signals) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-m", "faults", "--only", "broker-killed", "--output", str(tmp_path / "faults.json")]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=stream, stderr=stream, cwd=ROOT
        )
    try:
        started = lambda: list(tmp_path.glob("*/*.db")) or process.poll() is not None  # noqa: E731
        wait_until(started, "a database of the scene", limit=LIMIT)
        process.send_signal(how)
        assert process.wait(LIMIT) == 130, log.read_text()
    finally:
        process.kill()
        process.wait()
    assert "interrupted: everything that was started is stopped" in log.read_text()
    assert "Traceback" not in log.read_text()
    wait_until_left(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
