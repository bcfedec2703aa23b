"""Conditions that a route demands, and tags that cannot be read."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings, strategies
from msgspec import Struct
from starlette.requests import Request

from leveret.api import Api, Context, Route
from leveret.web.gateway.conditions import expected_version, is_known, tag_of
from leveret.web.gateway.problems import HttpProblem


class Thing(Struct):
    version: int


def route(**options: Any) -> Route:
    made: Api[Any] = Api()

    @made.action("v2", "change", writes=True)
    def change(context: Context, expected: int | None = None) -> Thing:
        return Thing(1)

    made.route("PUT /thing", change, etag="version", if_match="expected", **options)
    return made.routes[0]


def request(name: str, *values: str) -> Request:
    headers = [(name.encode(), value.encode("latin-1")) for value in values]
    return Request({"type": "http", "method": "PUT", "headers": headers, "path": "/thing", "query_string": b""})


def test_a_missing_condition_is_refused_only_where_it_is_needed() -> None:
    assert expected_version(route(), request("x")) is None
    with pytest.raises(HttpProblem) as caught:
        expected_version(route(needs_match=True), request("x"))
    assert caught.value.status == 428
    assert expected_version(route(needs_match=True), request("if-match", '"v2.7"')) == 7
    assert expected_version(route(needs_match=True), request("if-match", "*")) is None


def test_an_output_without_a_version_has_no_tag() -> None:
    assert tag_of(route(), {"version": 7}) == '"v2.7"'
    without: list[Any] = [{"version": None}, {}, [], None, "text"]
    for data in without:
        assert tag_of(route(), data) == ""
    assert not is_known(request("if-none-match", "*"), "")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"etag": "other"}, "returns no 'other'"),
        ({"location": "/things/{id}"}, "returns no 'id'"),
        ({"if_match": "other"}, "takes no 'other'"),
        ({"needs_match": True, "if_match": ""}, "needs_match says"),
    ],
)
def test_a_route_names_fields_that_there_are(options: dict[str, Any], text: str) -> None:
    made: Api[Any] = Api()

    @made.action("v2", "change", writes=True)
    def change(context: Context, expected: int | None = None) -> Thing:
        return Thing(1)

    with pytest.raises(ValueError, match=text):
        made.route("PUT /thing", change, **options)


@settings(deadline=None)  # the machine may be busy
@given(strategies.lists(strategies.text(strategies.characters(max_codepoint=255), max_size=30), max_size=3))
def test_no_text_is_an_error_of_ours(values: list[str]) -> None:
    given_request = request("if-match", *values)
    with suppress(HttpProblem):
        expected_version(route(), given_request)
    is_known(request("if-none-match", *values), '"v2.1"')
