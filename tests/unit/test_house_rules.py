"""Rules of this project that no linter knows (that `__all__` is sorted and true, ruff knows: RUF022, F822)."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [ROOT / "src", ROOT / "taskmanager" / "src"]
SOURCES = sorted(path for folder in FOLDERS for path in folder.rglob("*.py"))
PYTHON = [
    *SOURCES,
    *(
        path
        for name in ("tests", "testbed", "benchmarks", "faults", "scripts", "examples")
        for path in sorted((ROOT / name).rglob("*.py"))
    ),
]
ENVIRONMENT_READERS = {
    "leveret/settings/environment.py",
    "leveret/devbroker/installation.py",  # passes the environment on to the node that it starts
}
# In two parts, so that this file does not break the rule that it checks.
REGISTRY_HOSTS = re.compile(
    r"\b(py" + r"pi|pythonhos" + r"ted|npm" + r"js)\.(org|com)\b|--(extra-)?index-" + r"url[ =]"
)

FRAMEWORK = ROOT / "src" / "leveret"
MOST_ENTRIES = 28
MOST_REASSIGNED = 3
REASSIGNED = {
    "HttpConnection": (5, "the parser drives it by callbacks, one for each part of a request; uvicorn wants it so"),
    "LogWriter": (8, "two threads count lines and characters: each number has one writer, so none needs a lock"),
    "SharedConnection": (4, "one is SQLAlchemy's own: an action's options are undone by putting the former back"),
}
"""Classes that reassign more attributes after they were made: how many, and why."""

MAKERS = {"__init__", "__new__", "__post_init__", "__set_name__"}


def relative(path: Path) -> str:
    return next(path.relative_to(folder).as_posix() for folder in FOLDERS if path.is_relative_to(folder))


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
        ROOT / name
        for name in (
            "src",
            "taskmanager",
            "tests",
            "testbed",
            "scripts",
            "requirements",
            "benchmarks",
            "faults",
            "docs",
        )
    )
    return [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]


def top_entries() -> list[str]:
    """Return what stands at the top of the framework's folder: files and folders, data files too."""
    return sorted(path.name for path in FRAMEWORK.iterdir() if path.name != "__pycache__")


def classes_of(tree: ast.AST) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def reassigned(found: ast.ClassDef) -> set[str]:
    """Return the attributes of ``self`` that a class binds anew, or deletes, after it was made."""
    methods = [node for node in found.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {
        node.attr
        for method in methods
        if method.name not in MAKERS and method.args.args
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del)
        if isinstance(node.value, ast.Name) and node.value.id == method.args.args[0].arg
    }


def reassigned_with_bases(found: ast.ClassDef, by_name: dict[str, ast.ClassDef]) -> set[str]:
    """Return what a class and those that it inherits from, as far as they are the framework's, reassign."""
    bases = {node.id for base in found.bases for node in ast.walk(base) if isinstance(node, ast.Name)} - {found.name}
    inherited = (reassigned_with_bases(by_name[base], by_name) for base in bases if base in by_name)
    return reassigned(found).union(*inherited)


def test_only_the_settings_read_the_environment() -> None:
    readers = {relative(path) for path in SOURCES if reads_the_environment(ast.parse(path.read_text()))}
    assert readers <= ENVIRONMENT_READERS


@pytest.mark.parametrize(
    "code", ["import os\nos.environ['A']", "from os import getenv", "import os as o\no.getenv('A')"]
)
def test_a_reader_of_the_environment_is_found(code: str) -> None:
    assert reads_the_environment(ast.parse(code))


def test_the_framework_does_not_name_the_application() -> None:
    framework = [path for path in SOURCES if relative(path).startswith("leveret/")]
    assert [relative(path) for path in framework if "taskmanager" in path.read_text().lower()] == []


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


def test_the_top_of_the_framework_has_at_most_28_entries() -> None:
    assert len(top_entries()) <= MOST_ENTRIES, top_entries()


def test_a_class_reassigns_at_most_3_attributes_after_it_was_made() -> None:
    classes = [found for path in FRAMEWORK.rglob("*.py") for found in classes_of(ast.parse(path.read_text()))]
    by_name = {found.name: found for found in classes}
    counts = {found.name: len(reassigned_with_bases(found, by_name)) for found in classes}
    too_many = {name: count for name, count in counts.items() if count > MOST_REASSIGNED}
    assert too_many == {name: count for name, (count, _) in REASSIGNED.items()}


@pytest.mark.parametrize(
    "body",
    [
        "self.a = 1",
        "self.a += 1",
        "del self.a",
        "self.b, (self.a, *self.c) = x",
        "with x as self.a: pass",
        "for self.a in x: pass",
        "self.a: int = 1",
        "def inner():\n            self.a = 1",
    ],
)
def test_an_attribute_that_is_reassigned_is_found(body: str) -> None:
    (found,) = classes_of(
        ast.parse(f"class C:\n    def __init__(self):\n        self.d = 1\n    def m(self):\n        {body}")
    )
    assert "a" in reassigned(found)
    assert "d" not in reassigned(found)


def test_no_name_of_a_class_stands_for_two_things() -> None:
    places: dict[str, list[str]] = {}
    for path in FRAMEWORK.rglob("*.py"):
        for found in classes_of(ast.parse(path.read_text())):
            places.setdefault(found.name, []).append(relative(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_every_module_of_the_framework_says_what_it_is() -> None:
    assert [
        relative(path) for path in FRAMEWORK.rglob("*.py") if not ast.get_docstring(ast.parse(path.read_text()))
    ] == []
