"""Stock and orders, without a broker."""

import pytest

from leveret.errors import Conflict, InvalidRequest, NotFound
from leveret.testing import TestClient
from orders import app


def test_an_order_takes_from_the_stock_once_however_often_it_is_sent() -> None:
    with TestClient(app) as client:
        assert client.call("add_stock", {"product": "tea", "amount": 3}) == 3
        first = client.call("place_order", {"product": "tea", "amount": 2}, id="one")
        assert client.call("place_order", {"product": "tea", "amount": 2}, id="one") == first
        assert first == {"number": 1, "product": "tea", "amount": 2, "tracking": None}
        assert client.call("stock", {"product": "tea"}) == 1
        assert client.call("order", {"number": 1}) == first


def test_what_is_not_there_is_not_sold_and_nothing_is_kept() -> None:
    with TestClient(app) as client:
        client.call("add_stock", {"product": "tea", "amount": 1})
        with pytest.raises(Conflict, match="not 2 of tea left"):
            client.call("place_order", {"product": "tea", "amount": 2})
        assert client.call("stock", {"product": "tea"}) == 1
        with pytest.raises(NotFound):
            client.call("order", {"number": 1})


@pytest.mark.parametrize("data", [{"product": "", "amount": 1}, {"product": "tea", "amount": 0}, {"amount": 1}])
def test_an_order_that_makes_no_sense_is_refused(data: dict[str, object]) -> None:
    with TestClient(app) as client, pytest.raises(InvalidRequest, match=r"product|amount"):
        client.call("place_order", data)


def test_more_of_a_product_is_added_to_what_is_there() -> None:
    with TestClient(app) as client:
        assert client.call("stock", {"product": "tea"}) == 0
        client.call("add_stock", {"product": "tea", "amount": 3})
        assert client.call("add_stock", {"product": "tea", "amount": 4}) == 7
