"""The programs of the page about tests do what the page says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.pages import file_name, python_blocks

PAGE = "docs/how-to/test.md"
PROJECT = '[tool.leveret]\napp = "shop:app"\n\n[tool.pytest.ini_options]\nfilterwarnings = ["error"]\n'


def test_the_tests_of_the_page_pass_in_a_project_of_their_own(tmp_path: Path) -> None:
    programs = [(where, code) for where, code in python_blocks() if where.startswith(f"{PAGE}#")]
    for number, (where, code) in enumerate(programs):
        named = file_name(where, code)
        (tmp_path / (named if named == "shop.py" else f"test_{number}.py")).write_text(code, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "leveret.testing.plugin", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
