"""The programs of the how-to pages do what the pages say, with a real broker."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from leveret import Api, Client, Context
from leveret.api import Runtime
from leveret.errors import Conflict, NotFound, RateLimited, TemporaryError
from leveret.sql import create_engine, metadata
from leveret.topology import Topology
from support.pages import program
from support.serving import Broker, calling, keyring, quick, serving

FASTAPI, STARLETTE = "docs/how-to/call-from-fastapi.md#1", "docs/how-to/call-from-fastapi.md#2"
SCRIPT = "docs/how-to/call-from-a-script.md#1"
PAYMENTS, MAILS = "docs/how-to/async-and-outside-effects.md#1", "docs/how-to/async-and-outside-effects.md#2"


Web = Callable[..., dict[str, Any]]


def guest_book() -> Api:
    """The guest book that the pages call; some names make it refuse."""
    api: Api = Api()
    guests = iter(range(1, 100))

    @api.action("v1", "sign", writes=True, public=True)
    def sign(context: Context, name: str) -> dict[str, Any]:
        if name == "Nobody":
            raise NotFound("No such guest")
        if name == "Hasty":
            raise RateLimited("Too fast", details={"retry_after": 1.5})
        if name == "Mallory":
            raise TemporaryError("the pen is dry")
        return {"number": next(guests), "name": name}

    return api


@pytest.fixture
async def topology(broker: Broker, prefix: str) -> AsyncIterator[Topology]:
    async with calling(broker.url, quick(prefix)) as caller:
        yield caller.topology


@pytest.fixture
def web(broker: Broker, topology: Topology, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """The programs of the page, on the queues of this test: `web(FASTAPI)`."""
    monkeypatch.setenv("GUESTBOOK_AMQP_URL", broker.url)
    with ExitStack() as programs:
        yield lambda where, **more: programs.enter_context(
            program(where, {', "guestbook"': f", {topology.prefix!r}", **more})
        )


@asynccontextmanager
async def serving_tables(api: Api, broker: Broker, topology: Topology, folder: Path) -> AsyncIterator[sa.Engine]:
    """Run a worker on an SQLite file with all tables that are known now; yield an engine on it."""
    url = f"sqlite:///{folder / 'guide.db'}"
    engine = create_engine(url)
    metadata.create_all(engine)
    async with serving(api, broker.url, topology, url, most=3):
        yield engine
    engine.dispose()


async def test_the_web_api_of_the_page_calls_the_guest_book(
    broker: Broker, topology: Topology, tmp_path: Path, web: Web
) -> None:
    def use_it() -> None:
        with TestClient(web(FASTAPI)["app"]) as client:
            first = client.post("/guests", json={"name": "Ada"}, headers={"Idempotency-Key": "one"})
            again = client.post("/guests", json={"name": "Ada"}, headers={"Idempotency-Key": "one"})
            other = client.post("/guests", json={"name": "Grace"})
            assert (first.status_code, first.json()) == (201, {"number": 1, "name": "Ada"})
            assert (again.status_code, again.json()) == (201, first.json())
            assert other.json() == {"number": 2, "name": "Grace"}
            assert client.get("/ready").json() == {"ready": True}

    async with serving_tables(guest_book(), broker, topology, tmp_path):
        await asyncio.to_thread(use_it)


async def test_the_web_api_of_the_page_answers_errors_with_the_status_that_its_table_names(
    broker: Broker, topology: Topology, tmp_path: Path, web: Web
) -> None:
    def use_it() -> None:
        with TestClient(web(FASTAPI)["app"]) as client:

            def post(name: str, key: str = "") -> tuple[int, str, str | None]:
                headers = {"Idempotency-Key": key} if key else {}
                reply = client.post("/guests", json={"name": name}, headers=headers)
                return reply.status_code, reply.json().get("code", "ok"), reply.headers.get("Retry-After")

            assert post("Ada", "one") == (201, "ok", None)
            assert post("Grace", "one") == (422, "id_reused", None)
            assert post("Grace", "x" * 129) == (422, "invalid_request", None)
            assert post("Nobody") == (404, "not_found", None)
            assert post("Hasty") == (429, "rate_limited", "2")
            assert post("Mallory") == (502, "retries_exhausted", None)

    async with serving_tables(guest_book(), broker, topology, tmp_path):
        await asyncio.to_thread(use_it)


def test_the_web_api_of_the_page_says_when_nothing_is_known(topology: Topology, web: Web) -> None:
    """No worker runs, so nobody answers."""
    with TestClient(web(FASTAPI, **{"timeout=5": "timeout=0.2"})["app"]) as client:
        reply = client.post("/guests", json={"name": "Ada"})
        assert (reply.status_code, reply.json()["code"]) == (504, "no_answer")


async def test_the_starlette_application_of_the_page_calls_the_guest_book(
    broker: Broker, topology: Topology, tmp_path: Path, web: Web
) -> None:
    def use_it() -> None:
        with TestClient(web(STARLETTE)["app"]) as client:
            reply = client.post("/guests", json={"name": "Ada"})
            assert (reply.status_code, reply.json()) == (201, {"number": 1, "name": "Ada"})

    async with serving_tables(guest_book(), broker, topology, tmp_path):
        await asyncio.to_thread(use_it)


async def test_the_script_of_the_page_may_run_twice_and_signs_everybody_once(
    broker: Broker, topology: Topology, tmp_path: Path, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving_tables(guest_book(), broker, topology, tmp_path):
        sign_all = web(SCRIPT)["sign_all"]
        for _ in range(2):
            assert await asyncio.to_thread(sign_all, broker.url, ["Ada", "Nobody", "Grace Hopper"]) == 1
            printed = capsys.readouterr()
            assert printed.out == "Ada: number 1\nGrace Hopper: number 2\n"
            assert printed.err == "Nobody: refused, not_found: No such guest\n"


class Bank:
    """A service that charges once for each key, and that cannot be reached at first."""

    def __init__(self) -> None:
        self.outages = 1
        self.receipts: dict[str, str] = {}

    async def charge(self, cents: int, *, key: str) -> str | None:
        receipt = self.receipts.setdefault(key, f"receipt {len(self.receipts) + 1}") if cents < 1000 else None
        if self.outages:
            self.outages -= 1
            raise ConnectionError("the answer was lost")
        return receipt


async def test_an_order_is_charged_once_although_the_answer_of_the_bank_was_lost(
    broker: Broker, topology: Topology, tmp_path: Path
) -> None:
    token, bank, api = keyring().issue("7", timedelta(hours=1)), Bank(), Api()
    with program(PAYMENTS) as space:
        api.include(space["actions"])
        async with (
            Runtime(api).opened({space["Payments"]: bank}) as opened,
            serving_tables(opened.api, broker, topology, tmp_path),
            Client(broker.url, topology) as client,
        ):
            for _ in range(2):
                order = await client.call("order", {"cents": 500}, token=token, id="first")
                assert order == {"number": 1, "receipt": "receipt 1"}
            assert bank.receipts == {"7:first": "receipt 1"}
            with pytest.raises(Conflict, match="The card was refused"):
                await client.call("order", {"cents": 5000}, token=token)


async def test_a_mail_is_written_down_once_and_sent_until_it_is_marked(
    broker: Broker, topology: Topology, tmp_path: Path
) -> None:
    sent: list[tuple[str, str]] = []
    api: Api = Api()

    def send(to: str, text: str, message_id: str) -> None:
        sent.append((to, message_id))
        if len(sent) == 1:
            raise ConnectionError("the program ends here")

    with program(MAILS) as space:
        api.include(space["actions"])
        async with serving_tables(api, broker, topology, tmp_path) as engine, Client(broker.url, topology) as client:
            for _ in range(2):
                assert await client.call("join", {"email": "ada@example.com"}, id="first") == 1
            with pytest.raises(ConnectionError):
                space["send_waiting"](engine, send)
            assert [space["send_waiting"](engine, send) for _ in range(2)] == [1, 0]
    assert sent == [("ada@example.com", "<1@members.example>")] * 2
