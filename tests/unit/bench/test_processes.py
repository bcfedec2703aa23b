"""What processes take is read from /proc, with all that they started."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from bench.case import RunFailed
from bench.processes import Meter, cpu_seconds, memory_mb, peak_mb, tree
from bench.programs import run_to_end, running, serving

MARK = "started"
BUSY = (
    f"import time; end = time.process_time() + 0.4\nprint('{MARK}', flush=True)\nwhile time.process_time() < end: pass"
)
WAITS = "print('done', flush=True); time.sleep(60)"
PARENT = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {BUSY!r}]); {WAITS}"
LARGE = f"held = bytearray(60_000_000); print('{MARK}', flush=True); import time; time.sleep(60)"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_cpu_time_of_a_child_counts_for_its_parent_when_it_has_ended(tmp_path: Path) -> None:
    with serving(python(PARENT), os.environ, tmp_path / "log") as server:
        with Meter({"worker": server.pid}) as meter:
            server.wait_for("done")
        assert cpu_seconds(server.pid) >= 0.4
        assert meter.usages["worker"].cpu_seconds > 0.2


def test_a_tree_holds_the_children(tmp_path: Path) -> None:
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {LARGE!r}]); import time; time.sleep(60)"
    with serving(python(code), os.environ, tmp_path / "log") as server:
        server.wait_for(MARK)
        pids = list(tree(server.pid))
        assert pids[0] == server.pid
        assert len(pids) == 2
        assert memory_mb(server.pid) > memory_mb(pids[1]) > 60
        os.kill(pids[1], signal.SIGKILL)


def test_memory_that_is_held_is_seen(tmp_path: Path) -> None:
    with serving(python(LARGE), os.environ, tmp_path / "log") as server:
        server.wait_for(MARK)
        assert 60 < memory_mb(server.pid) < 120
        assert peak_mb(server.pid) >= 60


def test_a_program_that_is_run_to_its_end_tells_what_it_took_and_said() -> None:
    ended = run_to_end(python(f"{BUSY}\nimport sys; sys.stderr.write('no'); sys.exit(3)"), os.environ, limit=30.0)
    assert (ended.code, ended.output, ended.errors) == (3, f"{MARK}\n", "no")
    assert 0.4 <= ended.usage.cpu_seconds < 3
    assert 3 < ended.usage.peak_mb < 100


def test_a_program_that_does_not_end_in_time_is_ended_and_told_of() -> None:
    began = time.monotonic()
    with pytest.raises(RunFailed, match=r"did not end within 0\.3 s"):
        run_to_end(python("import time; time.sleep(60)"), os.environ, limit=0.3)
    assert time.monotonic() - began < 30


def test_what_a_running_program_complains_of_is_waited_for_and_its_end_noticed() -> None:
    with running(python("import sys; sys.stderr.write('waiting')"), os.environ, limit=30.0) as program:
        program.wait_for_error_text("waiting", 30.0)
        with pytest.raises(RunFailed, match="did not write 'more'"):
            program.wait_for_error_text("more", 30.0)
        assert program.ended().code == 0


def test_a_server_that_ends_before_it_is_ready_is_told_of_with_its_words(tmp_path: Path) -> None:
    with (
        serving(python("print('no database'); raise SystemExit(4)"), os.environ, tmp_path / "log") as server,
        pytest.raises(RunFailed, match=r"ended with 4 and did not write 'ready':\nno database"),
    ):
        server.wait_for("ready")
