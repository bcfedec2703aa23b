"""Messages of the stream of letters, made without a broker."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from leveret.amqp import Delivery, FieldTable, Properties
from leveret.letters.index import LetterIndex
from leveret.wire.codec import encode_json

SECRETS = frozenset({"auth", "password"})
FAILED_AT = "2026-11-30T10:00:00.000Z"


def written(number: int, **changes: Any) -> Delivery:
    """Return the delivery of a letter that a worker wrote; a field that is None is left out."""
    key = changes.pop("message_id", f"key-{number}")
    headers: FieldTable = {"x-retry-count": 0, "x-principal": changes.pop("principal", "7")}
    request = {"id": f"request-{number}", "version": "v1", "action": "sell", "data": {"title": f"title {number}"}}
    letter = {
        "failed_at": FAILED_AT,
        "reason": "OperationalError: no such table: tasks",
        "code": "internal",
        "exception": "sqlalchemy.exc.OperationalError",
        "place": "shop/sell.py:7",
        "request": request | changes.pop("request", {}),
        "headers": {},
        "message_id": key,
        **changes,
    }
    body = encode_json({name: value for name, value in letter.items() if value is not None})
    return delivery(body, message_id=key, correlation_id=f"request-{number}", headers=headers)


def moved(number: int, **changes: Any) -> Delivery:
    """Return the delivery of a request that the broker moved to the letters."""
    request = {"id": f"moved-{number}", "version": "v1", "action": "sell", "data": {}, **changes}
    deaths: FieldTable = {"x-death": [{"queue": "api.requests", "reason": "expired", "count": 1}]}
    return delivery(json.dumps(request).encode(), correlation_id=f"moved-{number}", headers=deaths)


def mark(key: str, what: str, exchange: str = "") -> Delivery:
    """Return the delivery of a mark, as a tool writes it when it takes a letter out of the queue."""
    body = encode_json({"key": key, "what": what, "at": "2026-11-30T10:00:00Z"})
    return Delivery("c", 1, redelivered=False, exchange=exchange, routing_key="s", properties=MARK, body=body)


MARK = Properties(type="letter-mark")


def delivery(body: bytes, **properties: Any) -> Delivery:
    """Return the delivery of any message of the stream."""
    return Delivery(
        "c",
        1,
        redelivered=False,
        exchange="api.letters",
        routing_key="api.requests",
        properties=Properties(**properties),
        body=body,
    )


def numbered(deliveries: Iterable[Delivery], first: int = 0) -> Iterator[tuple[int, Delivery]]:
    """Give messages the offsets that they have one behind the other."""
    return enumerate(deliveries, first)


def made_index(folder: Path, *deliveries: Delivery, secrets: frozenset[str] = SECRETS, now: float = 0.0) -> LetterIndex:
    """Open an index in a folder, and feed it with messages from where it is."""
    index = LetterIndex(folder / "letters.db", secrets, "broker", lambda: now)
    index.feed(index.events(numbered(deliveries, index.next_offset)))
    return index
