"""Processes that end together, also when the process that started them is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from leveret.process.process_group import ProcessGroup
from testbed.waiting import is_alive, wait_until, wait_until_gone

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups are a thing of POSIX")

SLEEP = ["/bin/sleep", "600"]
PARENT = """
import os, sys
from pathlib import Path
from leveret.process.process_group import ProcessGroup
group = ProcessGroup(orphan_signal=sys.argv[1])
started = [group.start(["/bin/sleep", "600"], environment={}, output=Path(sys.argv[2])) for _ in range(2)]
print(*(process.pid for process in started), flush=True)
sys.stdin.read()
"""


REMOVER = """
import sys
from pathlib import Path
from leveret.process.process_group import ProcessGroup
group = ProcessGroup()
group.remove_when_orphaned(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
group.end()
"""


@pytest.fixture
def group() -> Iterator[ProcessGroup]:
    made = ProcessGroup()
    yield made
    made.end()


def test_the_end_of_a_group_is_the_end_of_all_its_processes(group: ProcessGroup, tmp_path: Path) -> None:
    started = [group.start(SLEEP, environment={}, output=tmp_path / "out") for _ in range(3)]
    assert all(process.poll() is None for process in started)
    group.end()
    assert [process.returncode for process in started] == [-signal.SIGKILL] * 3


def test_what_a_process_has_started_ends_with_it(group: ProcessGroup, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"/bin/sleep 600 & echo $! > {pid_file}.new; mv {pid_file}.new {pid_file}; wait"
    group.start(["/bin/sh", "-c", script], environment=dict(os.environ), output=tmp_path / "out")
    wait_until(pid_file.exists, "the start of the grandchild")
    group.end()
    wait_until_gone([int(pid_file.read_text())])


def test_a_group_can_be_used_again_after_its_end(group: ProcessGroup, tmp_path: Path) -> None:
    group.start(SLEEP, environment={}, output=tmp_path / "out")
    group.end()
    group.end()
    again = group.start(SLEEP, environment={}, output=tmp_path / "out")
    assert again.poll() is None


def test_a_process_gets_its_environment_folder_and_output_file(group: ProcessGroup, tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", 'echo "$GREETING"; pwd; echo "$HOME" >&2']
    process = group.start(command, environment={"GREETING": "hello"}, output=tmp_path / "out")
    assert process.wait(10) == 0
    assert (tmp_path / "out").read_text() == f"hello\n{tmp_path}\n\n"


def test_a_program_that_is_not_there_is_an_error_and_leaves_nothing(group: ProcessGroup, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        group.start([str(tmp_path / "missing")], environment={}, output=tmp_path / "out")
    group.end()


@pytest.mark.parametrize("orphan_signal", ["KILL", "QUIT"])
def test_processes_end_when_the_one_that_started_them_is_killed(orphan_signal: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, orphan_signal, str(tmp_path / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(is_alive(pid) for pid in pids)
        parent.kill()
    wait_until_gone(pids)


@pytest.mark.parametrize("killed", [True, False])
def test_a_folder_is_removed_when_the_process_is_killed_but_not_when_it_ends_the_group(
    killed: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "a folder with 'signs'"
    (folder / "data").mkdir(parents=True)
    command = [sys.executable, "-c", REMOVER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        if killed:
            parent.kill()
        else:
            parent.communicate("")
    if killed:
        wait_until(lambda: not folder.exists(), "the removal of the folder", limit=30)
    else:
        assert (folder / "data").is_dir()
