"""Requests of an action that is declared with ``alone=True`` share no transaction, whatever else waits for the lane."""

from __future__ import annotations

import threading

import sqlalchemy as sa

from leveret.api import Api, Context
from leveret.topology import Topology
from support.serving import LIMIT, Broker, Caller, serving, until

NAMES = ("o1", "a1", "o2", "a2", "o3")
"""Requests of an ordinary action and of one that wants to be alone, in turns."""


async def test_the_requests_of_such_an_action_have_transactions_of_their_own(
    broker: Broker, topology: Topology, database: str, caller: Caller, token: str
) -> None:
    used: dict[str, sa.Transaction] = {}
    held, go_on = threading.Event(), threading.Event()
    api: Api = Api()

    def note(context: Context) -> None:
        found = context.connection.get_transaction()
        assert found is not None
        used[context.request.id] = found

    api.action("v1", "ordinary", writes=True)(note)
    api.action("v1", "alone", writes=True, alone=True)(note)

    @api.action("v1", "hold", writes=True)
    def hold(context: Context) -> None:
        held.set()
        assert go_on.wait(LIMIT)

    def request(name: str, action: str) -> dict[str, object]:
        return {"id": name, "version": "v1", "action": action, "data": {}, "auth": token}

    async with serving(api, broker.url, topology, database):
        await caller.send(request("first", "hold"))
        await until(held.is_set, "the lane to be held")
        for name in NAMES:
            await caller.send(request(name, "alone" if name.startswith("a") else "ordinary"))
        await caller.nothing_waits()
        await caller.ask(request("unknown", "nothing"))  # answered at once, after all before it were read
        go_on.set()
        assert {(await caller.reply())["status"] for _ in (*NAMES, "first")} == {"ok"}
    shared = {name: [other for other in NAMES if other != name and used[other] is used[name]] for name in NAMES}
    assert shared == {"o1": ["o2", "o3"], "a1": [], "o2": ["o1", "o3"], "a2": [], "o3": ["o1", "o2"]}
