"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from textwrap import dedent

import pytest

from leveret.devbroker import answers
from leveret.testing import plugin

ROOT = Path(__file__).resolve().parents[3]
SHOP = """
from leveret import App, Context

app = App("shop")

@app.action("v1", "greet", public=True)
def greet(context: Context, name: str) -> str:
    return f"Hello {name}"
"""
GREETS = """
def test_it_greets(app_client):
    assert app_client.call("greet", {"name": "Ada"}) == "Hello Ada"
"""


def run(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, with this plugin and no others."""
    if not any((folder / name).exists() for name in ("pytest.ini", "pyproject.toml")):
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")  # otherwise a folder around it has a say
    off = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", "-p", "leveret.testing.plugin", "-p", "no:cacheprovider", *options]
    return subprocess.run(
        command, cwd=folder, env={**inherited, **off, **environment}, capture_output=True, text=True, check=False
    )


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(dedent(text), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pytest.ini", "[pytest]\nleveret_app = shop:app\n"),
        ("pyproject.toml", '[tool.leveret]\napp = "shop:app"\n[tool.pytest.ini_options]\n'),
    ],
)
def test_the_application_is_found_where_the_project_names_it(file: str, text: str, tmp_path: Path) -> None:
    write(tmp_path, shop=SHOP, test_shop=GREETS)
    (tmp_path / file).write_text(text, encoding="utf-8")
    done = run(tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_project_may_have_a_fixture_of_its_own(tmp_path: Path) -> None:
    own = """
    import pytest, shop

    @pytest.fixture
    def app():
        return shop.app
    """
    write(tmp_path, shop=SHOP, test_shop=GREETS, conftest=own)
    done = run(tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("ini", "words"),
    [
        ("", "which application? Name it in pytest's configuration as leveret_app = shop:app"),
        ("leveret_app = shop:nothing\n", "shop"),
        ("leveret_app = missing:app\n", "there is no module missing"),
    ],
)
def test_an_application_that_is_not_found_is_told_in_words(ini: str, words: str, tmp_path: Path) -> None:
    write(tmp_path, shop=SHOP, test_shop=GREETS)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\n{ini}", encoding="utf-8")
    done = run(tmp_path)
    assert done.returncode == 1
    assert words in done.stdout
    assert "Traceback" not in done.stdout


def test_a_missing_rabbitmq_fails_in_words_and_skips_nothing(tmp_path: Path) -> None:
    write(tmp_path, test_broker="def test_it(broker):\n    assert broker.url\n")
    done = run(tmp_path, RABBITMQ_SERVER_ROOT=str(tmp_path))
    assert done.returncode == 1
    assert "There is no RabbitMQ in" in done.stdout
    assert "skipped" not in done.stdout


def test_the_broker_of_the_plugin_answers_and_ends(tmp_path: Path) -> None:
    asks = """
    from leveret.devbroker import answers

    def test_it(broker):
        assert answers(broker.url)
        print("address", broker.url)
    """
    write(tmp_path, test_broker=asks)
    done = run(tmp_path, "-s")
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    [address] = [line.split()[-1] for line in done.stdout.splitlines() if "address" in line]
    assert not answers(address, limit=1.0)


def test_loading_the_plugin_imports_nothing_of_the_framework() -> None:
    program = "import sys, leveret.testing.plugin; print(*sorted(m for m in sys.modules if m.startswith('leveret')))"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["leveret", "leveret.testing", "leveret.testing.plugin"]


def test_pytest_finds_the_plugin_by_itself() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert import_module(project["entry-points"]["pytest11"]["leveret"]) is plugin
