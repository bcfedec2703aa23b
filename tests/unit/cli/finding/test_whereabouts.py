"""How another process finds the application, and calls the same command again."""

import subprocess
import sys
from pathlib import Path

import pytest

from leveret import App
from leveret.cli.command_line import CommandLine
from leveret.cli.ending.endings import WrongUse
from leveret.cli.finding.target import Target
from leveret.cli.finding.whereabouts import target_of
from leveret.cli.program import Program
from support import visitors
from taskmanager.actions import app as taskmanager

TESTS = Path(visitors.__file__).parents[1]
PROGRAM = """
from leveret import App
from leveret.cli.finding.whereabouts import target_of
desk = App("desk")
if __name__ == "__main__":
    print(*target_of(desk).words())
"""


def test_the_module_and_the_variable_that_hold_an_application_are_found() -> None:
    assert target_of(visitors.app) == Target("support.visitors:app", folder=TESTS)


def test_an_application_that_no_module_holds_is_not_found() -> None:
    hidden = [App("hidden")]
    assert target_of(hidden[0]) is None


@pytest.mark.parametrize(
    ("file", "words", "name", "folder"),
    [
        ("front.py", ["front.py"], "front:desk", "."),
        ("front.py", ["-m", "front"], "front:desk", "."),
        ("hall/front.py", ["hall/front.py"], "front:desk", "hall"),
        ("hall/front.py", ["-m", "hall.front"], "hall.front:desk", "."),
        ("hall/__main__.py", ["-m", "hall"], "hall.__main__:desk", "."),
    ],
)
def test_a_module_that_runs_as_a_program_is_named_as_others_import_it(
    tmp_path: Path, file: str, words: list[str], name: str, folder: str
) -> None:
    (tmp_path / "hall").mkdir()
    (tmp_path / file).write_text(PROGRAM)
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{name} --app-dir {(tmp_path / folder).resolve()}"
    version = [sys.executable, "-m", "leveret", "version", *done.stdout.split()]
    assert (
        "desk (it has no version)"
        in subprocess.run(version, cwd="/", capture_output=True, text=True, check=True).stdout
    )


def test_an_application_in_a_package_itself_is_found_beside_the_package(tmp_path: Path) -> None:
    (tmp_path / "hall").mkdir()
    (tmp_path / "hall" / "__init__.py").write_text(PROGRAM)
    code = "import hall; print(*hall.target_of(hall.desk).words())"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"hall:desk --app-dir {tmp_path.resolve()}"


@pytest.mark.parametrize("name", ["my-desk.py", "2.py"])
def test_a_program_whose_name_cannot_be_imported_is_not_found(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(PROGRAM.replace("print(*target_of(desk).words())", "print(target_of(desk))"))
    done = subprocess.run([sys.executable, name], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "None\n"


def test_a_command_is_called_again_by_its_module_if_that_is_installed() -> None:
    again = CommandLine(Program("taskmanager"), taskmanager, "taskmanager").again("worker", "-w", "1")
    assert again == [sys.executable, "-P", "-m", "taskmanager", "worker", "-w", "1"]


@pytest.mark.parametrize("module", [None, "no_such_module"])
def test_a_command_is_called_again_by_leveret_if_no_module_is_installed(module: str | None) -> None:
    again = CommandLine(Program("desk"), visitors.app, module).again("worker")
    expected = [sys.executable, "-P", "-m", "leveret", "worker", "support.visitors:app", "--app-dir", str(TESTS)]
    assert again == expected


def test_a_command_cannot_be_called_again_for_an_application_that_no_module_holds() -> None:
    line = CommandLine(Program("desk"), App("hidden"), None)
    with pytest.raises(WrongUse, match="another process cannot find this application"):
        line.again("worker")


def test_whether_an_application_is_known_and_named() -> None:
    program = Program("leveret")
    assert not CommandLine(program, Target(), "leveret").is_known
    default = CommandLine(program, Target("a:b", default=True), "leveret")
    assert (default.is_known, default.is_named) == (True, False)
    assert CommandLine(program, Target("a:b"), "leveret").is_named
    assert CommandLine(program, taskmanager, "taskmanager").is_named
