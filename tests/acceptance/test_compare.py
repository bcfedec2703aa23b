"""`taskmanager compare`: it judges both forms, draws what it found, and leaves nothing behind, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import COMMAND, RunningCommand
from testbed.waiting import wait_until, wait_until_left

LIMIT = 110.0


class Comparisons:
    """Starts comparisons whose temporary files are all in a folder of their own."""

    def __init__(self) -> None:
        self.started: list[RunningCommand] = []

    def start(self, folder: Path, *arguments: str) -> RunningCommand:
        (folder / "tmp").mkdir()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TASKMANAGER_")}
        environment |= {"TMPDIR": str(folder / "tmp"), "COLUMNS": "160"}
        path = folder / "output.txt"
        with path.open("wb") as stream:
            process = subprocess.Popen(
                [*COMMAND, "compare", "--short", *arguments], stdout=stream, stderr=stream, cwd=folder, env=environment
            )
        self.started.append(RunningCommand(process, path))
        return self.started[-1]


@pytest.fixture
def comparisons() -> Iterator[Comparisons]:
    """Comparisons; one that still runs after the test is interrupted, and clears up by itself."""
    made = Comparisons()
    yield made
    for each in made.started:
        if each.process.poll() is None:
            each.stop(signal.SIGINT)


def row(output: str, form: str) -> list[int]:
    """The counts in the row of a form, without the durations."""
    line = next(line for line in output.splitlines() if line.startswith(form))
    return [int(word) for word in line.removeprefix(form).split()[:10]]


def test_a_bad_deployment_loses_nothing_and_does_nothing_twice(comparisons: Comparisons, tmp_path: Path) -> None:
    compared = comparisons.start(tmp_path, "--only", "deployment", "--output", "drawn")
    assert compared.process.wait(LIMIT) == 0, compared.output
    for form in ("REST (gateway --direct)", "RabbitMQ"):
        sent, answered, failed, silent, lost, twice, late, undone, _, asked = row(compared.output, form)
        assert sent == answered + failed + silent == 100
        assert answered > 0
        assert failed + silent == late + undone > 0
        assert (lost, twice) == (0, 0)
        assert asked >= sent
    assert "bad version" in compared.output
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == [
        "deployment.png",
        "deployment.svg",
        "index.html",
    ]
    assert "which measures nothing" in (tmp_path / "drawn" / "index.html").read_text()
    wait_until_left(tmp_path / "tmp")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_interrupted_in_the_middle_it_leaves_nothing(comparisons: Comparisons, tmp_path: Path) -> None:
    compared = comparisons.start(tmp_path)
    wait_until(
        lambda: any((tmp_path / "tmp").glob("taskmanager-compare-*/rest-1.log")), "the log of a server", limit=LIMIT
    )
    compared.process.send_signal(signal.SIGINT)
    assert compared.process.wait(LIMIT) == 130
    assert "Traceback" not in compared.output
    wait_until_left(tmp_path / "tmp")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_an_unknown_scene_is_refused_with_the_names_of_all(comparisons: Comparisons, tmp_path: Path) -> None:
    compared = comparisons.start(tmp_path, "--only", "nothing")
    assert compared.process.wait(LIMIT) == 2
    for name in ("normal", "overload", "restart", "database", "second-server", "deployment"):
        assert name in compared.output
