"""Routes over HTTP: what can be declared, and in which order they are tried."""

from __future__ import annotations

from typing import Any

import pytest

from leveret.api import Api, Context
from leveret.errors import UnknownAction


def api() -> Api[Any]:
    made: Api[Any] = Api()

    @made.action("v1", "read")
    def read(context: Context, thing_id: int, depth: int = 1) -> None: ...

    @made.action("v1", "write", writes=True)
    def write(context: Context, thing_id: int) -> None: ...

    made.inherit("v2", parent="v1")
    return made


@pytest.mark.parametrize(
    ("pattern", "action", "options", "text"),
    [
        ("GET", "v1.read", {}, "a path is segments"),
        ("get /a", "v1.read", {}, "write a method and a path"),
        ("FETCH /a", "v1.read", {}, "write a method and a path"),
        ("GET a", "v1.read", {}, "a path is segments"),
        ("GET /a//b", "v1.read", {}, "a path is segments"),
        ("GET /a b", "v1.read", {}, "a path is segments"),
        ("GET /a/{thing_id}.json", "v1.read", {}, "a path is segments"),
        ("GET /a/{}", "v1.read", {}, "a path is segments"),
        ("GET /a/{other}", "v1.read", {}, "v1.read takes no 'other'"),
        ("GET /a/{thing_id}/{thing_id}", "v1.read", {}, "a parameter stands there twice"),
        ("GET /a", "v1.read", {"needs": ("other",)}, "v1.read takes no 'other'"),
        ("GET /a", "v1.read", {"status": 404}, "404 is not the status of a success"),
        ("GET /a", "v1.read", {"status": 299}, "299 is not the status of a success"),
        ("GET /a", "v1.write", {}, "v1.write writes, and GET promises to change nothing"),
    ],
)
def test_what_cannot_be_a_route_is_refused(pattern: str, action: str, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text.replace(".", r"\.")):
        api().route(pattern, action, **options)


def test_an_action_that_is_not_there_is_told() -> None:
    with pytest.raises(UnknownAction, match=r"v3\.read"):
        api().route("GET /a", "v3.read")


def test_a_route_can_name_the_function_of_one_action_only() -> None:
    made: Api[Any] = Api()

    def act(context: Context) -> None: ...

    with pytest.raises(ValueError, match="act is not registered"):
        made.route("GET /a", act)
    made.action("v1", "act")(act)
    made.route("GET /a", act)
    made.action("v2", "act")(act)
    with pytest.raises(ValueError, match=r"registered as v1\.act, v2\.act"):
        made.route("GET /b", act)
    assert [route.full_name for route in made.routes] == ["v1.act"]


def test_two_routes_of_one_shape_are_refused() -> None:
    made = api()
    made.route("GET /a/{thing_id}", "v1.read")
    made.route("PUT /a/{thing_id}", "v1.write")
    with pytest.raises(ValueError, match="declared twice"):
        made.route("GET /a/{depth}", "v2.read")


def test_what_is_written_out_is_tried_before_a_parameter() -> None:
    made = api()
    for path in ("/{thing_id}", "/a/{thing_id}", "/{depth}/b", "/a/b", "/a"):
        made.route(f"GET {path}", "v1.read")
    assert [route.path for route in made.routes] == ["/a", "/a/b", "/a/{thing_id}", "/{thing_id}", "/{depth}/b"]


def test_a_post_of_an_action_that_writes_demands_a_key_unless_it_says_otherwise() -> None:
    made = api()
    made.route("POST /a", "v1.write")
    made.route("PUT /a", "v1.write")
    made.route("POST /b", "v1.read")
    made.route("POST /c", "v1.write", needs_key=False)
    assert {route.pattern for route in made.routes if route.needs_key} == {"POST /a"}


def test_without_a_route_each_action_has_one() -> None:
    assert [route.pattern for route in api().routes] == [
        "POST /v1/actions/read",
        "POST /v1/actions/write",
        "POST /v2/actions/read",
        "POST /v2/actions/write",
    ]
