"""What is installed with what: the framework alone, its extras, and the applications of this repository."""

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NOT_WITH_THE_FRAMEWORK = {
    *("aiohttp", "argon2-cffi", "bcrypt", "fastapi", "flask", "jinja2", "matplotlib", "passlib", "plotly"),
    *("psycopg", "pydantic", "starlette", "uvicorn", "watchfiles"),
}
"""Libraries for the web, for plots, for passwords and for PostgreSQL."""


def project(folder: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text())


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0] for requirement in requirements}


def test_the_framework_brings_no_library_for_web_plots_passwords_or_postgresql() -> None:
    assert names(project("")["project"]["dependencies"]) & NOT_WITH_THE_FRAMEWORK == set()


def test_every_extra_is_in_the_extra_all() -> None:
    extras = project("")["project"]["optional-dependencies"]
    (everything,) = extras.pop("all")
    assert set(everything.removeprefix("leveret[").removesuffix("]").split(",")) == set(extras)


def test_the_locked_packages_are_those_that_the_applications_need() -> None:
    needed = names(project("taskmanager")["project"]["dependencies"]) - {"leveret"}
    assert names(project("")["dependency-groups"]["applications"]) == needed


def test_an_application_of_this_repository_needs_the_framework_of_the_same_commit() -> None:
    version = project("")["project"]["version"]
    assert project("taskmanager")["project"]["version"] == version
    assert f"leveret[postgres]=={version}" in project("taskmanager")["project"]["dependencies"]
