"""Shipping, with a carrier in the place of the real one."""

import pytest

from leveret.errors import Conflict, NotFound, TemporaryError
from leveret.testing import TestClient
from orders import app
from orders.carrier import Carrier, NotDelivered


class PlayedCarrier(Carrier):
    """A carrier that is away for some tries, refuses some orders, and notes for what it was asked."""

    def __init__(self, *, away: int = 0, refuses: bool = False) -> None:
        super().__init__("http://nowhere")
        self.away = away
        self.refuses = refuses
        self.asked: list[str] = []

    async def label(self, order: int, *, key: str) -> str:
        self.asked.append(key)
        if len(self.asked) <= self.away:
            raise TemporaryError("the carrier is away")
        if self.refuses:
            raise NotDelivered(f"The carrier does not deliver order {order}")
        return f"T-{order}"


def place(client: object) -> None:
    client.call("add_stock", {"product": "tea", "amount": 1})  # type: ignore[attr-defined]  # any of the test clients
    client.call("place_order", {"product": "tea"})  # type: ignore[attr-defined]  # the same


def test_an_order_gets_its_tracking_number() -> None:
    with TestClient(app, resources={Carrier: PlayedCarrier()}) as client:
        place(client)
        assert client.call("ship_order", {"number": 1})["tracking"] == "T-1"
        assert client.call("order", {"number": 1})["tracking"] == "T-1"


def test_a_carrier_that_is_away_is_asked_again_with_the_same_key() -> None:
    carrier = PlayedCarrier(away=2)
    with TestClient(app, resources={Carrier: carrier}) as client:
        place(client)
        client.send("ship_order", {"number": 1}, id="ship")
        client.settled()
        assert client.call("order", {"number": 1})["tracking"] is None
        client.advance("1s")
        [waiting] = client.retries()
        assert (waiting.number, waiting.reason) == (2, "the carrier is away")
        client.advance("1m")
        assert client.call("order", {"number": 1})["tracking"] == "T-1"
        assert carrier.asked == ["order-1"] * 3


def test_a_carrier_that_stays_away_leaves_a_letter_that_can_be_sent_again() -> None:
    carrier = PlayedCarrier(away=100)
    with TestClient(app, resources={Carrier: carrier}) as client:
        place(client)
        client.send("ship_order", {"number": 1}, id="ship")
        client.advance("1h")
        [letter] = client.letters()
        assert len(letter.attempts) == 6
        carrier.away = 0
        assert client.redrive("ship") == 1
        assert client.call("order", {"number": 1})["tracking"] == "T-1"


def test_what_the_carrier_refuses_is_answered_and_not_tried_again() -> None:
    carrier = PlayedCarrier(refuses=True)
    with TestClient(app, resources={Carrier: carrier}) as client:
        place(client)
        with pytest.raises(Conflict, match="does not deliver order 1"):
            client.call("ship_order", {"number": 1})
        assert len(carrier.asked) == 1


def test_an_order_that_does_not_exist_is_not_shipped() -> None:
    with TestClient(app, resources={Carrier: PlayedCarrier()}) as client, pytest.raises(NotFound):
        client.call("ship_order", {"number": 7})
