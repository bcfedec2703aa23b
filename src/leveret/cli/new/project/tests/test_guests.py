"""The guest book, through a real worker, on SQLite in memory and without a broker."""

import pytest
from leveret.errors import InvalidRequest
from leveret.testing import BlockingTestClient

from project_name.guests import Guest, list_guests, sign


def test_who_signs_stands_in_the_book(app_client: BlockingTestClient) -> None:
    assert app_client.call(sign, "Ada") == Guest(1, "Ada")
    assert app_client.call(sign, "Grace") == Guest(2, "Grace")
    assert app_client.call(list_guests) == [Guest(2, "Grace"), Guest(1, "Ada")]
    assert app_client.call(list_guests, 1) == [Guest(2, "Grace")]


def test_a_request_that_comes_twice_signs_once(app_client: BlockingTestClient) -> None:
    first = app_client.call("sign", {"name": "Ada"}, id="once")
    assert app_client.call("sign", {"name": "Ada"}, id="once") == first
    assert len(app_client.call(list_guests)) == 1


def test_a_guest_has_a_name(app_client: BlockingTestClient) -> None:
    with pytest.raises(InvalidRequest, match="name"):
        app_client.call(sign, "")
    assert app_client.call(list_guests) == []
