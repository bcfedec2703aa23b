"""The version of the Task Manager, which letters, metrics and `version` name."""

from __future__ import annotations

import tomllib
from pathlib import Path

from taskmanager import VERSION
from taskmanager.actions import app

PROJECT = Path(__file__).parents[3] / "taskmanager" / "pyproject.toml"


def test_the_application_has_the_version_of_its_distribution() -> None:
    assert app.version == VERSION == tomllib.loads(PROJECT.read_text())["project"]["version"]
