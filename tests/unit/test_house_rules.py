"""Rules of this project that no linter knows (that `__all__` is sorted and true, ruff knows: RUF022, F822)."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PYTHON = [
    *SOURCES,
    *(path for name in ("tests", "testbed", "benchmarks", "faults") for path in sorted((ROOT / name).rglob("*.py"))),
]
ENVIRONMENT_READERS = {
    "taskmanager/settings.py",
    "leveret/devbroker/installation.py",  # passes the environment on to the node that it starts
}
# In two parts, so that this file does not break the rule that it checks.
REGISTRY_HOSTS = re.compile(
    r"\b(py" + r"pi|pythonhos" + r"ted|npm" + r"js)\.(org|com)\b|--(extra-)?index-" + r"url[ =]"
)


def relative(path: Path) -> str:
    return path.relative_to(ROOT / "src").as_posix()


def reads_the_environment(tree: ast.AST) -> bool:
    """Tell whether the code names os.environ or os.getenv, however it imported them."""
    return any(
        (isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"})
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and {a.name for a in node.names} & {"environ", "getenv"}
        )
        for node in ast.walk(tree)
    )


def texts() -> list[Path]:
    """Return the files that belong to the project: what git tracks, or would track."""
    git = shutil.which("git")
    listing = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = git and subprocess.run([git, *listing], cwd=ROOT, capture_output=True, text=True, check=False)
    if done and done.returncode == 0:
        return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]
    folders = (
        ROOT / name for name in ("src", "tests", "testbed", "scripts", "requirements", "benchmarks", "faults", "docs")
    )
    return [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]


def test_only_the_settings_read_the_environment() -> None:
    readers = {relative(path) for path in SOURCES if reads_the_environment(ast.parse(path.read_text()))}
    assert readers <= ENVIRONMENT_READERS


@pytest.mark.parametrize(
    "code", ["import os\nos.environ['A']", "from os import getenv", "import os as o\no.getenv('A')"]
)
def test_a_reader_of_the_environment_is_found(code: str) -> None:
    assert reads_the_environment(ast.parse(code))


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in PYTHON}
    assert len(lengths) > 20
    assert {path: lines for path, lines in lengths.items() if lines > 300} == {}


def test_no_file_names_a_registry_host() -> None:
    files = texts()
    assert ROOT / "requirements" / "dev.txt" in files
    named = [str(path.relative_to(ROOT)) for path in files if REGISTRY_HOSTS.search(path.read_text(errors="replace"))]
    assert named == []


def test_no_file_names_the_folder_that_it_lies_in() -> None:
    here = f"{ROOT}/"
    assert [str(path.relative_to(ROOT)) for path in texts() if here in path.read_text(errors="replace")] == []


def test_the_lock_files_agree_with_each_other() -> None:
    locks = [(ROOT / "requirements" / f"{name}.txt").read_text() for name in ("dev", "runtime", "peers")]
    dev, runtime, peers = (dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)) for text in locks)
    assert runtime.items() <= dev.items()
    assert runtime.items() <= peers.items()
    assert {name: peers[name] for name in peers.keys() & dev.keys() if peers[name] != dev[name]} == {}
