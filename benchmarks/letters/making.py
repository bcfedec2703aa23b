"""Makes the letters that are measured, as workers of a shop would write them, and publishes them to a stream."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from leveret.amqp import Channel, FieldTable, Message, Properties
from leveret.wire.attempts import Attempt
from leveret.wire.codec import encode_json
from leveret.wire.kept import iso_time
from leveret.wire.letter import LetterBody

BATCH = 1_000

_CAUSES = (
    ("sqlalchemy.exc.OperationalError", "OperationalError: no such table: stock", "shop/stock.py"),
    ("builtins.KeyError", "KeyError: 'colour'", "shop/stock.py"),
    ("httpx.ConnectTimeout", "ConnectTimeout: the carrier does not answer", "shop/carrier.py"),
    ("builtins.ZeroDivisionError", "ZeroDivisionError: division by zero", "shop/prices.py"),
    ("shop.errors.OutOfStock", "OutOfStock: nothing is left of this", "shop/orders.py"),
)
_ACTIONS = ("sell", "buy", "send_back", "count_stock", "order")
_WORDS = tuple(
    f"{name}{number}" for name in ("amaranth", "barley", "chervil", "dill", "elder") for number in range(400)
)


async def publish(channel: Channel, stream: str, count: int) -> None:
    """Publish that many letters, given up one after the other in the last hours."""
    began = time.time()
    chance = random.Random(14)
    for first in range(0, count, BATCH):
        messages = [
            _message(stream, number, chance, began, count) for number in range(first, min(first + BATCH, count))
        ]
        verdicts = await channel.publish_batch(messages)
        if any(verdicts):
            raise RuntimeError(f"the broker refused a letter: {next(filter(None, verdicts))}")


def _message(stream: str, number: int, chance: random.Random, began: float, count: int) -> Message:
    exception, reason, place = chance.choice(_CAUSES)
    key, request_id = uuid.UUID(int=chance.getrandbits(128)).hex, f"request-{number}"
    failed_at = datetime.fromtimestamp(began, UTC) - timedelta(hours=3) * ((count - number) / count)
    data = {
        "customer": number % 50_000,
        "article": chance.choice(_WORDS),
        "note": " ".join(_some_words(chance)),
        "amount": chance.randrange(100),
    }
    attempts = [Attempt(iso_time(failed_at - timedelta(seconds=5)), "shop-7f9c-1", reason)]
    request = {"id": request_id, "version": "v1", "action": chance.choice(_ACTIONS), "data": data}
    body = LetterBody(
        iso_time(failed_at),
        reason,
        request,
        {"x-retry-count": 1},
        message_id=key,
        code=chance.choice(("internal", "retries_exhausted")),
        exception=exception,
        place=f"{place}:{chance.randrange(20, 60)}",
        attempts=attempts,
    )
    headers: FieldTable = {"x-retry-count": 1, "x-seal": key, "x-principal": str(number % 1_000)}
    properties = Properties(
        "application/json", delivery_mode=2, correlation_id=request_id, message_id=key, headers=headers
    )
    return Message(encode_json(body), stream, properties=properties)


def _some_words(chance: random.Random) -> Iterator[str]:
    return (chance.choice(_WORDS) for _ in range(8))
