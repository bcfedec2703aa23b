"""Reads what the broker and the database hold, with pika and plain SQL, and without the code under test."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pika
import psycopg
from pika.adapters.blocking_connection import BlockingChannel

from faults.ledger import Evidence, Key, Letter
from faults.node import Node
from leveret.topology import Topology

TASKS: Final = "SELECT owner_id, title FROM tasks"
ROWS: Final = "SELECT principal, id, response_json FROM processed_requests"

COUNT_ALL: Final = """
lists:sum([begin {ok, {_, Count}, _} = ra:leader_query(amqqueue:get_pid(Queue), fun rabbit_fifo:query_messages_total/1),
    Count end || Queue <- rabbit_amqqueue:list(), lists:member(element(4, amqqueue:get_name(Queue)), [%s])]).
"""
"""Erlang expression that asks the quorum queues themselves; `rabbitmqctl list_queues` is up to five seconds behind."""


async def drained(broker: Node, topology: Topology, limit: float) -> int:
    """Wait until no message is left in the queues of requests and retries, or held by a worker.

    Args:
        broker: the private node.
        topology: names at the broker.
        limit: longest wait, in seconds.

    Returns:
        How many messages are left.
    """
    queues = (topology.requests, *topology.retries)
    now = asyncio.get_running_loop().time
    end = now() + limit
    while True:
        waiting = await asyncio.to_thread(_ready, broker.url, queues)
        if not waiting:
            # AMQP does not report messages that consumers hold, but the broker itself does.
            waiting = await asyncio.to_thread(held, broker, queues)
            if not waiting:
                return 0
        if now() > end:
            return waiting
        await asyncio.sleep(0.2)  # pause between two looks


async def gather(url: str, topology: Topology, database_url: str, stuck: int) -> Evidence:
    """Read everything once; messages go back to their queues."""
    effects, rows = await asyncio.to_thread(_read_database, database_url)
    letters = await asyncio.to_thread(_look, url, topology.dead_letters)
    queued = [
        properties.correlation_id or ""
        for queue in (topology.requests, *topology.retries)
        for properties, _ in await asyncio.to_thread(_look, url, queue)
    ]
    return Evidence(
        effects=effects,
        rows=rows,
        letters=[_letter(properties, body) for properties, body in letters],
        queued=queued,
        stuck=stuck,
    )


async def effects_now(database_url: str) -> list[Key]:
    """Read only the effects."""
    return (await asyncio.to_thread(_read_database, database_url))[0]


def versions(url: str, database_url: str) -> dict[str, str]:
    """Return the versions of the broker and of the database."""
    with _connected(url) as connection:
        properties: dict[str, Any] = connection._impl.server_properties  # type: ignore[attr-defined]  # the only place
    found = {"RabbitMQ": str(properties.get("version", "?"))}
    if _sqlite_file(database_url):
        return {**found, "SQLite": sqlite3.sqlite_version}
    with closing(psycopg.connect(_libpq(database_url))) as server:
        return {**found, "PostgreSQL": str(server.info.parameter_status("server_version"))}


def _read_database(database_url: str) -> tuple[list[Key], dict[Key, bytes]]:
    tasks, stored = _select(database_url, TASKS), _select(database_url, ROWS)
    rows = {(int(principal), request_id): response.encode() for principal, request_id, response in stored if principal}
    return [(owner, title) for owner, title in tasks], rows


def _select(database_url: str, query: str) -> list[tuple[Any, ...]]:
    if file := _sqlite_file(database_url):
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=30)) as reader:
            return reader.execute(query).fetchall()
    with closing(psycopg.connect(_libpq(database_url), connect_timeout=10)) as server:
        return server.execute(query.encode()).fetchall()


def _sqlite_file(database_url: str) -> Path | None:
    return Path(database_url.removeprefix("sqlite:///")) if database_url.startswith("sqlite:///") else None


def _libpq(database_url: str) -> str:
    return database_url.replace("postgresql+psycopg://", "postgresql://")


@contextmanager
def _connected(url: str) -> Iterator[pika.BlockingConnection]:
    connection = pika.BlockingConnection(pika.URLParameters(url.rstrip("/") + "/%2F"))
    try:
        yield connection
    finally:
        connection.close()  # the messages go back to their queue


def _ready(url: str, queues: Sequence[str]) -> int:
    with _connected(url) as connection:
        channel = connection.channel()
        return sum(channel.queue_declare(queue, passive=True).method.message_count for queue in queues)


def held(broker: Node, queues: Sequence[str]) -> int:
    """Count all messages of queues, including those that consumers hold and those on their way to another queue."""
    names = ", ".join(f'<<"{queue}">>' for queue in queues)
    return int(broker.evaluate(COUNT_ALL % names))


def _look(url: str, queue: str) -> list[tuple[pika.BasicProperties, bytes]]:
    with _connected(url) as connection:
        return list(_messages(connection.channel(), queue))


def _messages(channel: BlockingChannel, queue: str) -> Iterator[tuple[pika.BasicProperties, bytes]]:
    while True:
        method, properties, body = channel.basic_get(queue)
        if method is None or properties is None or body is None:
            return
        yield properties, body


def _letter(properties: pika.BasicProperties, body: bytes) -> Letter:
    user = (properties.headers or {}).get("x-principal")
    try:
        reason = str(json.loads(body)["reason"])
    except (ValueError, KeyError, TypeError):
        reason = f"not a dead letter of ours: {body[:200]!r}"
    return Letter(properties.correlation_id or "", int(str(user)) if user else None, reason)
