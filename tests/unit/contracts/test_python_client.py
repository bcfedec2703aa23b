"""Generated clients in Python: those of the repository are not stale, and names and types that are hard work."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, assert_type
from uuid import UUID

import pytest
import taskmanager_client
from msgspec import UNSET

from leveret.application import Application
from leveret.contracts.clients import python_client
from leveret.contracts.clients.names import names_in_python
from leveret.contracts.clients.python_types import docstring
from leveret.errors import RequestError, Unauthenticated
from leveret.testing import TestClient
from support import unusual_app
from support.unusual_client import Api, BlockingApi, Circle, Level, Node, Printed, Size, Square
from taskmanager.actions import app as taskmanager

ROOT = Path(__file__).resolve().parents[3]
REQUEST = UUID("00000000-0000-0000-0000-000000000007")
NODE = Node(name="root", size=Size.SMALL, children=[Node(name="leaf")])


@pytest.mark.parametrize(
    ("app", "path"),
    [
        (taskmanager, "taskmanager/clients/python/taskmanager_client.py"),
        (unusual_app.app, "tests/support/unusual_client.py"),
    ],
)
def test_a_client_in_the_repository_is_what_the_registry_says_now(app: Application[Any], path: str) -> None:
    assert (ROOT / path).read_text() == python_client(app), f"{path} is stale: make clients"


async def test_an_input_with_names_and_types_that_are_hard_arrives_as_it_was_given() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    async with TestClient(unusual_app.app) as client:
        found = await Api(client).v1.list_(
            "c",
            "a field",
            REQUEST,
            1.5,
            [NODE],
            date=date(2026, 1, 2),
            at=at,
            self_={"x": (1, 2)},
            id_="i-1",
            timeout_=5,
        )
    assert assert_type(found, Printed) == Printed(
        class_name="c", token="a field", nodes=[NODE], at=at, date=date(2026, 1, 2)
    )
    assert found.nodes[0].children[0].level is Level.LOW


async def test_a_field_that_is_not_given_has_the_default_of_the_worker() -> None:
    async with TestClient(unusual_app.app) as client:
        found = await Api(client).v1.list_("c", "t", REQUEST, 1.5, [])
        assert (found.at, found.date) == (UNSET, None)
        assert await Api(client).v2.turn("root", children=[NODE]) == {Size.BIG: [Node(name="root", children=[NODE])]}


def test_the_blocking_client_returns_the_member_of_a_union_and_warns_of_what_is_deprecated() -> None:
    with TestClient(unusual_app.app) as client:
        api = BlockingApi(client)
        with pytest.warns(DeprecationWarning, match=r"v1\.import is deprecated: use v1\.list"):
            found = api.v1.import_({"size": 3, "square": True})
        assert assert_type(found, Square | Circle) == Square(side=3)
        with pytest.warns(DeprecationWarning, match="use v1"):
            assert api.v1.import_({"size": 3, "square": False}) == Circle(radius=3)


def test_a_code_of_the_applications_own_is_an_error_with_that_code() -> None:
    with TestClient(unusual_app.app) as client, pytest.raises(RequestError, match="There is no paper") as raised:
        BlockingApi(client).v1.list_("none", "t", REQUEST, 1.5, [])
    assert raised.value.code == "out_of_paper"
    assert "RequestError: ``out_of_paper``: There is no paper." in str(
        BlockingApi.__init__.__globals__["_V1"].list_.__doc__
    )


async def test_each_call_has_its_own_token_and_id() -> None:
    async with TestClient(taskmanager) as client:
        tasks = taskmanager_client.Api(client)
        with pytest.raises(Unauthenticated):
            await tasks.v2.stats(token="not a token")
        mine = taskmanager_client.Api(client.using(token="not a token"))
        with pytest.raises(Unauthenticated):
            await mine.v2.stats()
        assert (await mine.v1.health_check(token="")).status == "ok"
        first = await tasks.v1.register("ada@example.org", "correct horse 1", id="r-1")
        assert await tasks.v1.register("ada@example.org", "correct horse 1", id="r-1") == first


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["title", "class", "list", "self"], ["title", "class_", "list_", "self_"]),
        (["a-b", "a_b", "_a", "1st", "é"], ["a_b", "a_b_", "a", "n1st", "value"]),
    ],
)
def test_names_are_valid_and_differ(names: list[str], expected: list[str]) -> None:
    assert names_in_python(names) == expected


@pytest.mark.parametrize("text", ['ends with "', 'has """ in it', "ends with \\", "two\nlines", '"""', "\\N{x}"])
def test_a_docstring_holds_any_text(text: str) -> None:
    found: dict[str, Any] = {}
    exec(f"def f():\n{docstring(text, '    ')}\n", found)
    assert found["f"].__doc__.strip() == text.replace("\n", "\n    ")
