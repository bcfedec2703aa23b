"""Requests of the Task Manager that become dead letters, as an operator's tests want them."""

from __future__ import annotations

import asyncio
import sqlite3

from leveret.broker.queues import report_queues
from leveret.client import BlockingClient
from support.command import Commands
from testbed.waiting import wait_until


def depths(commands: Commands) -> list[int | None]:
    reports = asyncio.run(report_queues(commands.settings.amqp_url, commands.topology))
    return [report.messages for report in reports]


def write_letters(commands: Commands, *ids: str) -> str:
    """Have tasks become dead letters, and give their owner's token."""
    commands.variables["MAX_RETRIES"] = "0"
    worker = commands.worker()
    token = commands.log_in()
    rename(commands, "tasks", "hidden")
    with BlockingClient(commands.settings.amqp_url, topology=commands.topology) as client:
        for request_id in ids:
            received = client.ask("create_task", {"title": request_id}, token=token, id=request_id)
            assert received.reply.code in ("retries_exhausted", "internal")
    assert worker.stop() == 0
    rename(commands, "hidden", "tasks")
    wait_until(lambda: depths(commands) == [0, 0, len(ids)], "the letters")
    return token


def rename(commands: Commands, table: str, name: str) -> None:
    """Without its table no task can be made: a fault that an operator mends."""
    connection = sqlite3.connect(commands.folder / "taskmanager.db")
    connection.execute(f"ALTER TABLE {table} RENAME TO {name}")
    connection.close()
