"""Twenty users do to each other's tasks and request ids whatever they can think of; a model says what each may see."""

import asyncio
import json
from contextlib import AsyncExitStack
from random import Random

import sqlalchemy as sa

from leveret.client import Client
from leveret.sql import create_engine
from leveret.sql.tables import processed_requests
from support.command import LIMIT, Commands
from support.ownership import Operation, OperationMaker, Owner
from taskmanager.storage.tables import tasks

SEED = 20260131
USERS = 20
OPERATIONS = 10_000

RACES = 25


async def test_20_users_and_10_000_operations_on_what_belongs_to_others_show_nobody_anything(
    commands: Commands,
) -> None:
    await asyncio.to_thread(commands.worker, "--migrate")
    async with AsyncExitStack() as stack:
        owners, clients = await sign_up(commands, stack)
        meddler, taken = OperationMaker(Random(SEED), owners), set[int]()
        for turn in range(OPERATIONS // USERS):
            operations = [meddler.operation(owner) for owner in owners]
            asked = [ask(*each) for each in zip(clients, owners, operations, strict=True)]
            for owner, operation, body in zip(owners, operations, await asyncio.gather(*asked), strict=True):
                try:
                    owner.check(operation, body, taken)
                except Exception as error:
                    text = f"seed {SEED}, turn {turn}, user {owner.user_id}: {operation} was answered {body!r}"
                    raise AssertionError(text) from error
    assert kept_tasks(commands) == {
        task["id"]: (owner.user_id, task["title"], task["status"]) for owner in owners for task in owner.tasks.values()
    }
    stored = {(str(owner.user_id), asked): body for owner in owners for asked, (_, body) in owner.stored.items()}
    assert {key: body for key, body in kept_responses(commands).items() if key[0]} == stored
    assert sum(len(owner.stored) for owner in owners) > OPERATIONS // 3
    assert len(taken) > OPERATIONS // 20


async def test_the_same_id_of_all_users_at_the_same_moment_is_one_effect_for_each(commands: Commands) -> None:
    await asyncio.to_thread(commands.worker, "--migrate")
    await asyncio.to_thread(commands.worker)
    async with AsyncExitStack() as stack:
        owners, clients = await sign_up(commands, stack)
        pairs = list(zip(clients, owners, strict=True))
        for number in range(RACES):
            same = Operation(f"race-{number}", "v2", "create_task", {"title": f"race {number}"})
            first = await asyncio.gather(*(ask(client, owner, same) for client, owner in pairs))
            again = await asyncio.gather(*(ask(client, owner, same) for client, owner in pairs))
            assert again == first, "not the stored bytes"
            assert [json.loads(body)["data"]["owner_id"] for body in first] == [owner.user_id for owner in owners]
            assert len({json.loads(body)["data"]["id"] for body in first}) == USERS
    assert len(kept_tasks(commands)) == USERS * RACES


async def sign_up(commands: Commands, stack: AsyncExitStack) -> tuple[list[Owner], list[Client]]:
    """Register the users, through the front door, and connect each of them."""
    clients = [
        await stack.enter_async_context(Client(commands.settings.amqp_url, topology=commands.topology))
        for _ in range(USERS)
    ]

    async def enter(number: int) -> Owner:
        known = {"email": f"user-{number}@example.com", "password": f"password of {number}"}
        user = await clients[number].call("register", known, timeout=LIMIT)
        login = await clients[number].call("login", known, timeout=LIMIT)
        return Owner(user["id"], login["access_token"])

    return [await enter(number) for number in range(USERS)], clients


async def ask(client: Client, owner: Owner, operation: Operation) -> bytes:
    received = await client.ask(
        operation.action,
        operation.data,
        version=operation.version,
        token=owner.token,
        id=operation.id,
        timeout=LIMIT,
    )
    return received.body


def kept_tasks(commands: Commands) -> dict[int, tuple[int, str, str]]:
    engine = create_engine(commands.database_url)
    with engine.begin() as connection:
        rows = connection.execute(sa.select(tasks.c.id, tasks.c.owner_id, tasks.c.title, tasks.c.status)).all()
    engine.dispose()
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def kept_responses(commands: Commands) -> dict[tuple[str, str], bytes]:
    table = processed_requests.c
    engine = create_engine(commands.database_url)
    with engine.begin() as connection:
        rows = connection.execute(sa.select(table.principal, table.id, table.response_json)).all()
    engine.dispose()
    return {(row[0], row[1]): row[2].encode() for row in rows}
