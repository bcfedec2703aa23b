"""The Task Manager, with tables and migrations of its own, is tested as every application is."""

from __future__ import annotations

import pytest

from leveret.errors import Conflict, Unauthenticated
from leveret.testing import AsyncTestClient, TestClient
from taskmanager.actions import app

ADA = {"email": "ada@example.com", "name": "Ada", "password": "correct horse battery staple"}


async def token_of(client: AsyncTestClient) -> str:
    await client.call("register", ADA, version="v2")
    login = {"email": ADA["email"], "password": ADA["password"]}
    return str((await client.call("login", login, version="v2"))["access_token"])


async def test_a_user_registers_logs_in_and_has_tasks(address: str | None) -> None:
    async with TestClient(app, broker=address) as client:
        token = await token_of(client)
        with pytest.raises(Conflict):
            await client.call("register", ADA, version="v2")
        with pytest.raises(Unauthenticated):
            await client.call("create_task", {"title": "Buy milk"}, version="v2")
        ada = client.using(token=token)
        first = await ada.ask("create_task", {"title": "Buy milk"}, version="v2", id="one")
        again = await ada.ask("create_task", {"title": "Buy milk"}, version="v2", id="one")
        assert (first.reply.status, again.body) == ("ok", first.body)
        assert (await ada.call("stats", version="v2"))["tasks"] == 1
