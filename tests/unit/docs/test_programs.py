"""Programs of the documentation that need no broker do what their pages say."""

from __future__ import annotations

import tomllib

import pytest

from leveret.cli.command import Command
from leveret.errors import SettingsError
from leveret.testing import TestClient
from support.pages import DOCS, program
from support.walking import blocks


def test_the_route_of_the_page_about_http_belongs_to_its_action() -> None:
    with program("docs/http.md#1") as space, TestClient(space["app"]) as test_client:
        client = test_client.as_user("7")
        assert client.call("get_price", {"article": "tea", "amount": 2}) == 6
        assert client.call("get_price", {"article": "tea"}) == 3
        (route,) = (route for route in space["app"].routes if route.name == "get_price")
        assert (route.pattern, route.version) == ("GET /v1/prices/{article}", "v1")


def test_the_application_of_the_page_about_events_tells_of_orders() -> None:
    with program("docs/how-to/events.md#1") as space, TestClient(space["app"]) as client:
        ada = client.as_user("ada")
        start = ada.call("read_events")["position"]
        assert ada.call("order", {"article": "tea"}) == "tea"
        [event] = ada.call("read_events", {"after": start})["events"]
        assert (event["type"], event["subject"], event["data"]) == (
            "shop.article.ordered.v1",
            "tea",
            {"article": "tea"},
        )


def test_the_application_of_the_page_about_retries_charges_and_does_not_retry_a_refused_card() -> None:
    with program("docs/how-to/retry-per-action.md#1") as space:
        app = space["app"]
        with TestClient(app) as client:
            assert client.as_user("7").call("charge", {"card": "a", "cents": 5}) == "charged 5 to a"
        (action,) = (action for action in app if action.name == "charge")
        assert space["CardRefused"] in action.retry.no_retry_on


def test_the_program_of_the_page_about_what_if_declares_what_acts_outside() -> None:
    with program("docs/operate/what-if.md#1") as space, TestClient(space["app"]) as client:
        caller = client.as_user("7")
        assert caller.call("price", {"article": "tea"}) == 300
        assert caller.call("ring", {"bell": "door"}) is None


def test_the_setting_of_the_page_about_settings_is_read_and_checked() -> None:
    with program("docs/settings.md#1") as space:
        read = space["app"].defaults.updated
        assert read({"GUESTBOOK_GREETING": "welcome"}, needs_secret=False).greeting == "welcome"
        with pytest.raises(SettingsError, match="'two words' is not one word"):
            read({"GUESTBOOK_GREETING": "two words"}, needs_secret=False)


def test_the_commands_of_the_page_about_the_command_line_are_those_of_its_applications() -> None:
    with program("docs/command-line.md#1") as space:
        assert space["app"].name == "guestbook"
    with program("docs/command-line.md#2") as space:
        assert isinstance(space["command"], Command)
        assert space["command"].name == "desk"
    (_, scripts) = (tomllib.loads(block.code) for block in blocks(DOCS / "command-line.md") if block.language == "toml")
    assert scripts["project"]["scripts"] == {"desk": "guestbook:command.main"}
