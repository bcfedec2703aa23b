"""The generated client of the Task Manager against a worker on a real RabbitMQ."""

import asyncio
from pathlib import Path
from typing import assert_type

import pytest
from taskmanager_client import Api, BlockingApi, Priority, Status, TaskV2

from leveret import BlockingClient, Client
from leveret.broker.queues import remove_topology
from leveret.errors import Conflict, InvalidRequest, NotFound
from support.gateways import gateway_settings, worker_running
from support.serving import Broker
from taskmanager.actions import app


async def test_a_user_registers_and_works_on_a_task(broker: Broker, prefix: str, tmp_path: Path) -> None:
    settings = gateway_settings(tmp_path, broker.url, prefix)
    async with worker_running(settings), Client(broker.url, prefix) as client:
        api = Api(client)
        user = await api.v1.register("ada@example.org", "correct horse 1", full_name="Ada")
        token = (await api.v1.login("ada@example.org", "correct horse 1")).access_token
        task = await api.v2.create_task(
            "Buy milk", priority=Priority.HIGH, due_date="2030-01-02", token=token, id="t-1"
        )
        again = await api.v2.create_task(
            "Buy milk", priority=Priority.HIGH, due_date="2030-01-02", token=token, id="t-1"
        )
        assert assert_type(task, TaskV2) == again
        assert (task.owner_id, task.status, task.due_date and task.due_date.year) == (user.id, Status.TODO, 2030)
        changed = await api.v2.update_task(task.id, status=Status.DONE, due_date=None, expected_version=1, token=token)
        assert (changed.title, changed.status, changed.due_date) == ("Buy milk", Status.DONE, None)
        with pytest.raises(Conflict):
            await api.v2.update_task(task.id, title="Late", expected_version=1, token=token)
        with pytest.raises(InvalidRequest):
            await api.v1.list_tasks(limit=101, token=token)
        with pytest.raises(NotFound):
            await api.v1.get_task(task.id + 1, token=token)
        await asyncio.to_thread(count_and_remove, broker.url, prefix, token, task.id)
    await remove_topology(broker.url, app.topology(settings))


def count_and_remove(url: str, prefix: str, token: str, task_id: int) -> None:
    with BlockingClient(url, prefix) as client:
        api = BlockingApi(client)
        assert api.v2.stats(token=token).tasks_by_status[Status.DONE] == 1
        assert api.v1.delete_task(task_id, token=token, timeout=20).deleted
        assert api.v1.list_tasks(token=token) == []
