"""Reads everything that queues and tables hold, and lists the forms in which a secret could occur there."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import sqlalchemy as sa

from leveret.amqp import Connection
from leveret.sql import create_engine


async def read_queue(connection: Connection, queue: str, written: dict[str, bytes]) -> None:
    """Take all messages from a queue, and record their bodies and properties."""
    channel = await connection.channel()
    while (got := await channel.get(queue, no_ack=True)) is not None:
        name = f"{'letter' if queue.endswith('dlq') else queue} {len(written)}"
        written[f"{name} body"] = got.delivery.body
        written[f"{name} properties"] = str(got.delivery.properties).encode()


def read_tables(url: str, written: dict[str, bytes]) -> None:
    """Read all columns of all rows of all tables."""
    engine = create_engine(url)
    tables = sa.MetaData()
    tables.reflect(engine)
    with engine.begin() as connection:
        for table in tables.sorted_tables:
            rows = [str(tuple(row)) for row in connection.execute(sa.select(table))]
            written[f"table {table.name}"] = "\n".join(rows).encode()
    engine.dispose()


def forms_of(secret: str) -> dict[str, bytes]:
    """Return a secret in all forms in which it could be written: plain, escaped, encoded, and a token's parts."""
    data = secret.encode()
    whole = {
        "itself": data,
        "JSON": json.dumps(secret)[1:-1].encode(),
        "JSON in UTF-8": json.dumps(secret, ensure_ascii=False)[1:-1].encode(),
        "a URL": quote(secret, safe="").encode(),
        "Python": repr(secret)[1:-1].encode(),
        "UTF-16": secret.encode("utf-16-le"),
        "UTF-16 with escapes": str(secret.encode("utf-16-le"))[2:-1].encode(),
        "hexadecimal": data.hex().encode(),
        "escapes": data.decode("ascii", "backslashreplace").encode(),
    }
    for shift in range(3):  # base64 of a text that contains the secret at any place
        piece = base64.b64encode(b"\0" * shift + data)[4 if shift else 0 : -4]
        whole |= {f"base64 {shift}": piece, f"base64url {shift}": piece.translate(bytes.maketrans(b"+/", b"-_"))}
    parts = secret.split(".")
    return whole | ({"its signature": parts[-1].encode(), "its claims": parts[1].encode()} if len(parts) == 3 else {})


def around(text: bytes, needle: bytes) -> bytes:
    """Return the text around a secret."""
    at = text.index(needle)
    return text[max(at - 60, 0) : at + len(needle) + 10]
