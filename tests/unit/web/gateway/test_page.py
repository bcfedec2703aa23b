"""The page about HTTP says what the code does."""

from __future__ import annotations

import re

from leveret.contracts.statuses import PROBLEMS
from support.pages import DOCS
from taskmanager.actions import app

PAGE = (DOCS / "http.md").read_text()


def test_the_table_of_errors_is_that_of_the_code() -> None:
    found = re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \| (.+) \|$", PAGE, re.MULTILINE)
    assert found == [(code, str(int(kind.status)), kind.advice) for code, kind in PROBLEMS.items()]


def test_the_routes_of_the_task_manager_are_described() -> None:
    found = re.findall(r"^\| `([A-Z]+ /\S+)` \| `([a-z0-9_.]+)` \| (\d{3}) \|$", PAGE, re.MULTILINE)
    assert sorted(found) == sorted((route.pattern, route.full_name, str(route.status)) for route in app.routes)
