"""The scripts behind ``make`` say in few words what they do and what failed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(script: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts" / script), *map(str, arguments)]
    with_it = os.environ | environment
    return subprocess.run(command, env=with_it, capture_output=True, text=True, check=False, timeout=60)


def test_the_output_of_a_command_that_works_is_only_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "new" / "install.log"
    for word in ("one", "two"):
        done = run("quietly", log, "sh", "-c", f"echo {word}; echo aside {word} >&2")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert log.read_text().split("\n") == ["one", "aside one", "two", "aside two", ""]


def test_a_command_that_fails_is_reported_with_its_code_the_log_and_the_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "install.log"
    done = run("quietly", log, "sh", "-c", "seq 1 100; echo cause >&2; exit 7")
    assert (done.returncode, done.stdout) == (7, "")
    first, *rest = done.stderr.splitlines()
    assert first == f"This failed with exit code 7. The log is {log}, and it ends:"
    assert [line.strip() for line in rest] == [*map(str, range(87, 101)), "cause"]


@pytest.mark.parametrize(("name", "reason"), [("/nope", "is not a program"), ("true", "is not Python 3.11 or later")])
def test_a_python_that_cannot_be_used_is_refused_although_the_environment_is_current(name: str, reason: str) -> None:
    done = run("install", PYTHON=name)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"The Python that PYTHON names cannot be used: {name} {reason}.\n"


def test_the_python_that_is_named_is_the_one_that_is_found() -> None:
    done = run("find-python", PYTHON=sys.executable)
    assert (done.returncode, done.stdout) == (0, f"{sys.executable}\n")
