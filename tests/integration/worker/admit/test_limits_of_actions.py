"""Rate limits of single actions, beside the one for all requests, shared by all workers, on both engines."""

from collections import Counter
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from leveret.api import Api, Context, RateLimit
from leveret.auth.claims import subject_of
from leveret.errors import TemporaryError
from leveret.sql import create_engine, metadata
from leveret.topology import Topology
from leveret.worker import Worker, WorkerOptions
from support.serving import Broker, Caller, keyring, serving, sqlite_url

HOUR = timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def either_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    url = str(request.getfixturevalue("postgres_url"))
    engine = create_engine(url)
    metadata.create_all(engine)
    engine.dispose()
    return url


def shop() -> Api:
    """Make an API with two limited actions and one that is not."""
    api: Api = Api()

    def act(context: Context, fail: bool = False) -> str:
        if fail:
            raise TemporaryError("not now")
        return context.request.id

    async def act_later(context: Context) -> str:
        return context.request.id

    api.action("v1", "charge", writes=True, rate_limit=RateLimit(10, HOUR))(act)
    api.action("v1", "refund", rate_limit=RateLimit(3, HOUR))(act_later)
    api.action("v1", "look")(act)
    api.inherit("v2", parent="v1")
    return api


def limited(
    broker: Broker, topology: Topology, url: str, general: RateLimit | None = None
) -> AbstractAsyncContextManager[Worker]:
    options = WorkerOptions(name="test", prefetch=20, rate_limit=general)
    return serving(shop(), broker.url, topology, url, options=options)


def token_of(subject: str) -> str:
    return keyring().issue(subject, HOUR)


def request(request_id: str, action: str, subject: str = "7", version: str = "v1", **data: Any) -> dict[str, Any]:
    return {"id": request_id, "version": version, "action": action, "data": data, "auth": token_of(subject)}


async def outcomes(caller: Caller, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Send requests one after the other without waiting, and return their replies in the order of the requests."""
    for each in requests:
        await caller.send(each)
    replies = {reply["correlation_id"]: reply for reply in [await caller.reply() for _ in requests]}
    return [replies[each["id"]] for each in requests]


def codes(replies: list[dict[str, Any]]) -> Counter[str]:
    return Counter(reply.get("code", "ok") for reply in replies)


async def test_the_limit_of_an_action_holds_for_each_principal_and_for_no_other_action(
    broker: Broker, topology: Topology, either_database: str, caller: Caller
) -> None:
    async with limited(broker, topology, either_database):
        charges = await outcomes(caller, [request(f"c{n}", "charge") for n in range(14)])
        others = await outcomes(caller, [request(f"o{n}", "charge", "8") for n in range(10)])
        refunds = await outcomes(caller, [request(f"r{n}", "refund") for n in range(4)])
        looks = await outcomes(caller, [request(f"l{n}", "look") for n in range(30)])
    assert [reply["status"] for reply in charges] == ["ok"] * 10 + ["error"] * 4
    assert [codes(replies) for replies in (others, refunds, looks)] == [
        {"ok": 10},
        {"ok": 3, "rate_limited": 1},
        {"ok": 30},
    ]
    refused = charges[-1]
    assert refused["code"] == "rate_limited"
    assert refused["error"].startswith("More than 10 requests of v1.charge in 3600 s; ask again in ")
    assert refused["details"]["limit"] == 10


async def test_two_workers_share_the_limit_of_an_action(
    broker: Broker, topology: Topology, either_database: str, caller: Caller
) -> None:
    async with limited(broker, topology, either_database), limited(broker, topology, either_database):
        replies = await outcomes(caller, [request(f"c{n}", "charge") for n in range(40)])
    assert 5 <= codes(replies)["ok"] <= 10


async def test_a_version_that_inherits_an_action_shares_its_limit(
    broker: Broker, topology: Topology, database: str, caller: Caller
) -> None:
    async with limited(broker, topology, database):
        await outcomes(caller, [request(f"c{n}", "charge") for n in range(6)])
        replies = await outcomes(caller, [request(f"d{n}", "charge", version="v2") for n in range(6)])
    assert codes(replies) == {"ok": 4, "rate_limited": 2}
    assert "of v1.charge in" in replies[-1]["error"]


async def test_both_limits_hold_and_what_an_action_refuses_takes_nothing_from_the_general_one(
    broker: Broker, topology: Topology, either_database: str, caller: Caller
) -> None:
    async with limited(broker, topology, either_database, RateLimit(13, HOUR)):
        charges = await outcomes(caller, [request(f"c{n}", "charge") for n in range(30)])
        looks = await outcomes(caller, [request(f"l{n}", "look") for n in range(5)])
        refund = await caller.ask(request("r1", "refund"))
    assert codes(charges) == {"ok": 10, "rate_limited": 20}
    assert codes(looks) == {"ok": 3, "rate_limited": 2}
    assert looks[-1]["error"].startswith("More than 13 requests in 3600 s")
    assert refund["error"].startswith("More than 13 requests in 3600 s")


async def test_retries_and_requests_that_were_executed_do_not_count(
    broker: Broker, topology: Topology, database: str, caller: Caller
) -> None:
    async with limited(broker, topology, database):
        assert (await caller.ask(request("f", "charge", fail=True)))["code"] == "retries_exhausted"
        assert codes(await outcomes(caller, [request(f"c{n}", "charge") for n in range(10)])) == {
            "ok": 9,
            "rate_limited": 1,
        }
        assert (await caller.ask(request("c0", "charge")))["data"] == "c0", "answered again, over the limit"


async def test_the_windows_of_actions_lie_beside_those_of_principals(
    broker: Broker, topology: Topology, either_database: str, caller: Caller
) -> None:
    async with limited(broker, topology, either_database, RateLimit(100, HOUR)):
        await outcomes(caller, [request("c", "charge"), request("r", "refund"), request("l", "look")])
    engine = create_engine(either_database)
    with engine.connect() as connection:
        rows = list(connection.scalars(sa.text("SELECT principal FROM rate_windows")))
    engine.dispose()
    of_actions = [row for row in rows if row != "7"]
    assert len(of_actions) == len(rows) - 1 == 2
    for row in of_actions:
        with pytest.raises(ValueError, match="misread"):
            subject_of({"sub": row})
