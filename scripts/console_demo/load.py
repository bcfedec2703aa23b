"""The callers of the demonstration: most requests succeed, some fail for one of three causes."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from leveret.client import BlockingClient
from leveret.errors import LeveretError

_ARTICLES = ("lamp", "chair", "desk", "shelf")


def requests(chance: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield actions with their data, without end; about one in twenty fails."""
    number = 1000
    while True:
        number += 1
        article = "sofa" if chance.random() < 0.03 else chance.choice(_ARTICLES)
        yield "place_order", {"number": number, "article": article, "amount": chance.randint(1, 4)}
        currency = "CHF" if chance.random() < 0.03 else "EUR"
        yield "charge_card", {"number": number, "total": chance.randint(20, 400), "currency": currency}
        code = "SW1A" if chance.random() < 0.03 else f"{chance.randint(1000, 99999):05}"
        yield "print_label", {"number": number, "street": "Long Lane 7", "zip_code": code}
        yield "stock", {"article": article}


def send_for_ever(client: BlockingClient, pause: float) -> None:
    """Send requests one after the other, until an interrupt; what fails becomes a dead letter, which is the purpose."""
    for action, data in requests(random.Random(7)):  # noqa: S311 - it is not for a secret
        with suppress(LeveretError):
            client.call(action, data, timeout=0.5)
        time.sleep(pause)
