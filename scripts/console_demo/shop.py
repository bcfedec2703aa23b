"""The application of the demonstration: a shop in which some orders fail, for three causes."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from leveret import App, Context
from leveret.errors import Conflict, TemporaryError

app = App("shop", version="2.4.1", command="leveret")


class Delivery(Enum):
    """How an order reaches its buyer."""

    POST = "post"
    COURIER = "courier"


class Order(Struct, frozen=True):
    """An order that was taken."""

    number: int
    article: str
    total: float


_PRICES = {"lamp": 39.9, "chair": 89.0, "desk": 240.0, "shelf": 61.5}


@app.action("v1", "place_order", writes=True, public=True, errors=(Conflict,))
def place_order(
    context: Context, number: int, article: str, amount: int = 1, delivery: Delivery = Delivery.POST, *, note: str = ""
) -> Order:
    """Take an order, and reserve its articles.

    The price is that of the day. Ordering more than there is becomes a conflict.
    """
    if amount > 100:
        raise Conflict(f"Only 100 of {article} are left")
    return Order(number, article, _PRICES[article] * amount)  # an article without a price is a bug on purpose


@app.action("v1", "charge_card", writes=True, public=True)
def charge_card(context: Context, number: int, total: float, currency: str = "EUR") -> str:
    """Charge the card of an order."""
    if currency == "CHF":
        raise TemporaryError("the bank's gateway answers 503 for CHF")
    return f"charged {total:.2f} {currency} for order {number}"


@app.action("v1", "print_label", writes=True, public=True)
def print_label(context: Context, number: int, street: str, zip_code: str) -> str:
    """Print the label of a parcel."""
    return f"{street}\n{int(zip_code):05}"  # a code with a letter in it is a bug on purpose


@app.action("v1", "stock", public=True)
def stock(context: Context, article: str) -> int:
    """Return how many of an article are there."""
    return len(article) * 7


@app.action("v1", "list_articles", public=True, deprecated="use stock")
def list_articles(context: Context) -> list[str]:
    """Return the names of all articles."""
    return sorted(_PRICES)
