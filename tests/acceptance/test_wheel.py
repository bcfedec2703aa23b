"""The wheel of the framework: what is in it, and that `leveret new` works where only the wheel is."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from support.command import LIMIT
from support.projects import Project

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "src" / "leveret" / "cli" / "new" / "project"
CONSOLE = ROOT / "src" / "leveret" / "web" / "console"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this source without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment, in which the wheel is installed, and nothing that comes from this source.

    What the framework needs is found in the environment of these tests; its .pth files, which lead to this source, do
    not count there.
    """
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    found = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(found), "--disable-pip-version-check"]
    run(*pip, "install", "--no-deps", "--no-index", "--no-cache-dir", str(wheel))
    packages = run(str(found), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    Path(packages, "needs.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return found


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=4 * LIMIT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_has_the_vectors_of_the_protocol(python: Path) -> None:
    code = (
        "from leveret.contracts.conformance import vectors; "
        "print(len(vectors.read_vectors(vectors.RequestVectors).vectors), vectors.folder().name)"
    )
    count, folder = run(str(python), "-c", code).split()
    assert (int(count) > 60, folder) == (True, "vectors")


def test_the_wheel_has_every_file_of_a_new_project_and_nothing_that_tools_leave(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    inside = {
        name.removeprefix("leveret/cli/new/project/") for name in names if name.startswith("leveret/cli/new/project/")
    }
    tracked = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=TEMPLATE).split()
    assert len(tracked) >= 15
    assert inside == set(tracked)


def test_the_wheel_has_every_page_asset_and_language_of_the_console(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tracked = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=CONSOLE).split()
    assert {"assets/htmx/htmx.min.js", "assets/htmx/LICENSE", "languages/ru.toml", "templates/letters.html"} <= set(
        tracked
    )
    assert [name for name in tracked if f"leveret/web/console/{name}" not in names] == []


def test_a_project_that_the_installed_wheel_makes_is_the_same_one_and_its_tests_pass(
    python: Path, tmp_path: Path
) -> None:
    place = Project(tmp_path, "SHOP_", python=str(python))
    source = place.run("-P", "-c", "import leveret; print(leveret.__file__)").stdout.strip()
    assert Path(source).is_relative_to(python.parents[1]), "the wheel itself has to run"
    done = subprocess.run(
        [python.with_name("leveret"), "new", "shop"],
        cwd=tmp_path,
        env=place.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stderr
    (tmp_path / "source").mkdir()
    assert Project(tmp_path / "source", "SHOP_").leveret("new", "shop").returncode == 0
    assert contents(tmp_path / "shop") == contents(tmp_path / "source" / "shop")
    tested = Project(tmp_path / "shop", "SHOP_", python=str(python)).run("-m", "pytest", "-q")
    assert tested.returncode == 0, tested.stdout
    assert " passed" in tested.stdout


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
