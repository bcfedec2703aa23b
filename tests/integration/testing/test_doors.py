"""The ways into a test client: with and without an event loop, on one database or another, on a private broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from leveret import App, Context, Settings
from leveret.broker.queues import apply_topology, remove_topology, report_queues
from leveret.client.caller import Caller
from leveret.devbroker import DevBroker, answers
from leveret.errors import NoAnswer, NotSent, RateLimited, SettingsError, Unauthenticated, WorkerStopped
from leveret.sql import create_engine
from leveret.testing import BlockingTestClient, TestClient
from leveret.testing.broker import shared_broker
from support.tested import Gate, make_app, notes
from testbed.proxy import Proxy

QUICK = {"RETRY_DELAY": "200ms"}


@pytest.fixture
def app() -> App:
    return make_app(Gate())


def test_without_an_event_loop_calls_wait(app: App) -> None:
    with TestClient(app) as client:
        user = client.as_user("7")
        assert user.call("write", {"text": "x"}, id="one") == {"id": 1, "text": "x"}
        assert user.ask("write", {"text": "x"}, id="one").reply.data == {"id": 1, "text": "x"}
        user.send("write", {"text": "x", "then": "bug"}, id="lost")
        user.settled()
        [waiting] = user.retries()
        assert (waiting.id, waiting.delay) == ("lost", timedelta(seconds=5))
        user.advance("15s")
        assert [letter.correlation_id for letter in client.letters()] == ["lost"]
        assert client.redrive("lost") == 1
        client.cut_connections()
        assert user.call("count") == 1
        with client.engine.connect() as connection:
            assert len(connection.execute(notes.select()).all()) == 1


def test_several_threads_may_call_at_once(app: App) -> None:
    with TestClient(app) as client:
        user = client.as_user("7")
        calls = [threading.Thread(target=user.call, args=("write", {"text": "x"})) for _ in range(8)]
        for call in calls:
            call.start()
        for call in calls:
            call.join()
        assert user.call("count") == 8


async def test_a_client_of_a_test_is_a_caller_as_every_client_is(app: App) -> None:
    async with TestClient(app) as client:
        assert isinstance(client, Caller)
        assert await client.using(token=client.as_user("7")._token).call("count") == 0


async def test_an_open_client_cannot_be_opened_again_but_afterwards_it_can(app: App) -> None:
    door = TestClient(app)
    async with door as client:
        with pytest.raises(RuntimeError, match="open already"):
            await door.__aenter__()
        await client.as_user("7").call("write", {"text": "x"})
    async with door as client:
        assert await client.as_user("7").call("count") == 0
    with pytest.raises(NotSent):
        await client.call("health_check")


def test_no_thread_outlives_a_test(app: App) -> None:
    before = threading.active_count()
    for _ in range(3):
        with TestClient(app) as client:
            client.call("health_check")
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith(("lane", "test client"))] == []
    assert threading.active_count() <= before + 1


def test_the_environment_is_not_read(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTED_MAX_RETRIES", "0")
    with TestClient(app) as client:
        client.as_user("7").send("flaky", {"fails": 1})
        client.settled()
        assert len(client.retries()) == 1


def test_a_setting_that_is_not_known_or_not_valid_is_told() -> None:
    for settings, words in (
        ({"RETRY_DELAYS": "1s"}, "did you mean TESTED_RETRY_DELAY"),
        ({"PREFETCH": 0}, "TESTED_PREFETCH"),
    ):
        with pytest.raises(SettingsError, match=words), TestClient(make_app(Gate()), settings=settings):
            pass
    assert [thread for thread in threading.enumerate() if thread.name == "test client"] == []


def test_time_does_not_go_back(app: App) -> None:
    with TestClient(app) as client:
        for wrong in (timedelta(seconds=-1), "-1s", "soon"):
            with pytest.raises(ValueError, match=r"is negative|is not a duration"):
                client.advance(wrong)


def test_a_worker_that_cannot_begin_or_has_ended_is_told(broker: DevBroker) -> None:
    wrong = broker.url.replace("guest:guest", "guest:wrong")
    with pytest.raises(WorkerStopped, match="cannot work"), TestClient(make_app(Gate()), broker=wrong):
        pytest.fail("opened")
    assert [thread for thread in threading.enumerate() if thread.name == "test client"] == []


async def test_a_worker_that_ends_during_a_test_is_what_the_test_fails_with(app: App, broker: DevBroker) -> None:
    parts = urlsplit(broker.url)

    async def spoil_its_queue() -> None:
        async with (
            Proxy(parts.hostname or "", parts.port or 0) as proxy,
            TestClient(app, broker=proxy.proxied(broker.url)) as client,
        ):
            topology = client._setup.topology
            await proxy.refuse()
            await remove_topology(broker.url, topology)
            await apply_topology(broker.url, replace(topology, limit=7))
            await proxy.listen()
            await client.call("health_check", timeout=2)

    with pytest.raises(WorkerStopped, match="exists with other arguments") as stopped:
        await spoil_its_queue()
    assert isinstance(stopped.value.__context__, NoAnswer)


def test_a_given_sqlite_file_keeps_what_was_written(app: App, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kept.db'}"
    for expected in (1, 2):
        with TestClient(app, database=url) as client:
            client.as_user("7").call("write", {"text": "x"})
            assert client.as_user("7").call("count") == expected


def test_a_given_postgresql_database_is_used(app: App, postgres_url: str) -> None:
    with TestClient(app, database=postgres_url) as client:
        user = client.as_user("7")
        assert user.call("write", {"text": "x"}, id="one") == user.call("write", {"text": "x"}, id="one")
        user.send("flaky", {"fails": 1})
        user.advance("5s")
        assert user.call("count") == 2
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(notes)).scalar_one() == 2
    engine.dispose()


def test_the_database_of_the_application_itself_is_not_touched(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with TestClient(app) as client:
        client.as_user("7").call("write", {"text": "x"})
    assert list(tmp_path.iterdir()) == []


def test_what_opens_the_database_by_the_settings_does_not_find_that_of_the_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = App("own")

    @app.resource
    def opened(settings: Settings) -> Iterator[sa.Connection]:
        engine = create_engine(settings.database_url)
        with engine.connect() as connection:
            yield connection
        engine.dispose()

    @app.action("v1", "use", public=True)
    def use(context: Context, opened: sa.Connection) -> None: ...

    with pytest.raises(sa.exc.OperationalError, match="unable to open database file"), TestClient(app):
        pytest.fail("opened")
    with TestClient(app, database=f"sqlite:///{tmp_path / 'given.db'}") as client:
        assert client.call("use") is None
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".db"] == ["given.db"]


async def test_queues_on_a_broker_have_names_of_their_own_and_are_removed(app: App, broker: DevBroker) -> None:
    async with TestClient(app, broker=broker.url) as client:
        topology = client._setup.topology
        assert topology.prefix.startswith("tested.test-")
        assert {report.consumers for report in await report_queues(broker.url, topology)} == {0, 1}
    assert {report.messages for report in await report_queues(broker.url, topology)} == {None}


def test_the_same_test_runs_on_a_private_broker_which_all_tests_share(app: App) -> None:
    addresses = set()
    for _ in range(2):
        with TestClient(app, real=True, settings=QUICK) as client:
            user = client.as_user("7")
            user.send("flaky", {"fails": 1}, id="f")
            user.advance("200ms")
            assert user.call("flaky", {"fails": 1}, id="f") == {"id": 1, "retries": 1}
            with pytest.raises(RuntimeError, match="in memory"):
                client.cut_connections()
        addresses.add(shared_broker().url)
    assert len(addresses) == 1
    assert answers(*addresses)


def passed(client: BlockingTestClient, duration: str) -> tuple[timedelta, timedelta]:
    """Return how much time passes in an advance, for actions and in SQL."""
    before = client.as_user("7").call("now")
    client.advance(duration)
    after = client.as_user("7").call("now")
    return tuple(datetime.fromisoformat(after[name]) - datetime.fromisoformat(before[name]) for name in ("now", "sql"))  # type: ignore[return-value]  # there are two names


def test_in_memory_an_hour_passes_at_once_for_actions_sql_and_tokens(app: App) -> None:
    began = time.monotonic()
    with TestClient(app) as client:
        user = client.as_user("7", life=timedelta(minutes=10))
        assert user.call("count") == 0
        for length in passed(client, "1h"):
            assert timedelta(minutes=59) < length < timedelta(minutes=61)
        with pytest.raises(Unauthenticated, match="expired"):
            user.call("count")
        assert client.as_user("7", life=timedelta(minutes=10)).call("count") == 0
    assert time.monotonic() - began < 60


def test_on_a_given_sqlite_file_time_passes_in_sql_too(app: App, tmp_path: Path) -> None:
    with TestClient(app, database=f"sqlite:///{tmp_path / 'given.db'}") as client:
        for length in passed(client, "30m"):
            assert timedelta(minutes=29) < length < timedelta(minutes=31)


def test_in_memory_the_window_of_a_rate_limit_ends_at_once(app: App) -> None:
    with TestClient(app, settings={"RATE_LIMIT": "30/1h"}) as client:
        user = client.as_user("7", life=timedelta(hours=10))
        for _ in range(2):
            for _ in range(30):
                user.call("write", {"text": "x"})
            with pytest.raises(RateLimited):
                user.call("write", {"text": "x"})
            user.advance("30m")
            with pytest.raises(RateLimited):
                user.call("count")
            user.advance("31m")


def test_a_retry_of_a_day_comes_at_once_and_its_ticket_is_still_good(app: App) -> None:
    with TestClient(app, settings={"RETRY_DELAY": "24h"}) as client:
        client.as_user("7").send("flaky", {"fails": 2}, id="f")
        client.advance("48h")
        assert client.as_user("7").call("flaky", {"fails": 2}, id="f") == {"id": 1, "retries": 2}


def test_an_app_without_a_database_needs_none_in_its_tests_either() -> None:
    app = App("small")

    @app.action("v1", "greet", public=True)
    def greet(context: Context) -> str:
        return "hello"

    with TestClient(app) as client:
        assert client.call(greet) == "hello"
        assert client.call("health_check") == {"status": "ok"}
