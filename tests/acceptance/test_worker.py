"""`taskmanager worker`: how it starts, and that a stop loses nothing."""

from __future__ import annotations

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from leveret.broker.connecting import BrokerTrouble
from leveret.broker.queues import apply_topology, report_queues
from leveret.client import Client
from support.command import LIMIT, Commands
from testbed.pgbouncer import pgbouncer
from testbed.postgres import PrivatePostgres
from testbed.waiting import wait_until

REQUESTS = 400


def test_a_worker_makes_its_database_and_secret_and_says_what_it_does(commands: Commands) -> None:
    worker = commands.worker()
    assert (commands.folder / "taskmanager.db").exists()
    made = sorted(path.name for path in commands.folder.glob("taskmanager.*") if path.stat().st_mode & 0o777 == 0o600)
    assert made == ["taskmanager.db", "taskmanager.db-shm", "taskmanager.db-wal", "taskmanager.secret"]
    assert "may read" not in worker.output
    broker = commands.variables["AMQP_URL"].replace("guest:guest@", "").rstrip("/")
    first = worker.output.splitlines()[0]
    assert f"worker for {commands.topology.requests} at {broker}, database sqlite:///taskmanager.db, 1 process" in first
    assert "guest:guest" not in worker.output


def test_files_that_everybody_may_read_are_left_so_and_told(commands: Commands) -> None:
    commands.make_tables()
    file = commands.folder / "taskmanager.db"
    file.chmod(0o644)
    worker = commands.worker()
    assert "every user of this machine may read taskmanager.db: chmod 600 taskmanager.db" in worker.output
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_worker_whose_file_was_moved_answers_nothing_until_it_is_back(commands: Commands) -> None:
    worker = commands.worker()
    token = commands.log_in()
    file = commands.folder / "taskmanager.db"
    file.rename(commands.folder / "elsewhere.db")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(commands.call, "create_task", token=token, title="Kept")
        worker.says("paused: ")
        worker.says("was moved, removed or replaced while it was open: put it back", count=2)
        assert not file.exists()
        assert not asked.done()
        (commands.folder / "elsewhere.db").rename(file)
        assert asked.result(LIMIT)["title"] == "Kept"
    assert len(commands.call("list_tasks", token=token)) == 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_worker_stops_cleanly_with_exit_code_0(commands: Commands, how: signal.Signals) -> None:
    worker = commands.worker()
    assert worker.stop(how) == 0
    assert "stopping: what is in hand is finished first" in worker.output
    assert worker.output.splitlines()[-1].endswith(" stopped")
    assert "Traceback" not in worker.output


async def test_a_stop_under_load_loses_no_request_and_does_none_twice(commands: Commands) -> None:
    first = await asyncio.to_thread(commands.worker)
    token = await asyncio.to_thread(commands.log_in)
    async with Client(commands.settings.amqp_url, topology=commands.topology) as client:
        asked = [
            asyncio.create_task(client.call("create_task", {"title": f"number {number}"}, token=token, timeout=60))
            for number in range(REQUESTS)
        ]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        assert await asyncio.to_thread(first.stop) == 0
        answered = sum(task.done() for task in asked)
        assert answered < REQUESTS, "the stop came too late to show anything"
        second = await asyncio.to_thread(commands.worker)
        tasks = await asyncio.gather(*asked)
        assert sorted(task["title"] for task in tasks) == sorted(f"number {number}" for number in range(REQUESTS))
        assert await _titles(client, token) == {f"number {number}" for number in range(REQUESTS)}
    assert first.output.count(" ok: ") - 2 + second.output.count("v1.create_task") == REQUESTS
    assert all(report.messages == 0 for report in await report_queues(commands.settings.amqp_url, commands.topology))


async def _titles(client: Client, token: str) -> set[str]:
    """The titles of all tasks; a title that stands there twice fails the test."""
    titles: list[str] = []
    page: dict[str, Any] = {"limit": 100}
    while found := await client.call("list_tasks", page, token=token):
        titles += [task["title"] for task in found]
        page["before_id"] = found[-1]["id"]
    assert len(titles) == len(set(titles))
    return set(titles)


async def test_a_prefetch_bounds_what_is_in_a_workers_hands(commands: Commands) -> None:
    commands.variables["ALLOW_SIMULATED_ERRORS"] = "true"
    worker = await asyncio.to_thread(commands.worker, "--prefetch", "1")
    token = await asyncio.to_thread(commands.log_in)
    async with Client(commands.settings.amqp_url, topology=commands.topology) as client:
        await client.send("create_task", {"title": "in hand", "simulate_hang": True}, token=token, id="held")
        await asyncio.to_thread(worker.says, "simulated hang for held")
        for number in range(3):
            await client.send("create_task", {"title": f"number {number}"}, token=token)
    requests, *_ = await report_queues(commands.settings.amqp_url, commands.topology)
    assert requests.messages == 3


def test_reads_are_answered_from_their_row_where_the_settings_say_so(commands: Commands) -> None:
    commands.variables["REPLAY"] = "all"
    worker = commands.worker()
    token = commands.log_in()
    for _ in range(2):
        assert commands.run("call", "list_tasks", "--token", token, "--id", "again").returncode == 0
    worker.says("idem-replay: again v1.list_tasks")


def test_a_queue_with_other_arguments_stops_the_worker_with_3_and_words_that_help(commands: Commands) -> None:
    asyncio.run(apply_topology(commands.settings.amqp_url, commands.topology))
    commands.variables["RETRY_DELAY"] = "7s"
    worker = commands.start("worker")
    assert worker.ends() == 3
    last = worker.output.splitlines()[-1]
    assert f"queue '{commands.topology.requests}.retry' exists with other arguments: x-message-ttl is" in last
    assert "Traceback" not in worker.output
    with pytest.raises(BrokerTrouble):
        asyncio.run(apply_topology(commands.settings.amqp_url, commands.topology))


def test_a_queue_from_before_the_limit_stops_the_worker_with_3_and_says_which_setting_leaves_it(
    commands: Commands,
) -> None:
    commands.variables["QUEUE_LIMIT"] = "off"
    asyncio.run(apply_topology(commands.settings.amqp_url, commands.topology))
    del commands.variables["QUEUE_LIMIT"]
    worker = commands.start("worker")
    assert worker.ends() == 3
    last = worker.output.splitlines()[-1]
    assert f"queue '{commands.topology.requests}' exists with other arguments: x-max-length is none" in last
    assert "set TASKMANAGER_QUEUE_LIMIT to what is there, which deletes nothing: off where there is none" in last
    applied = commands.run("topology", "apply")
    assert applied.returncode == 3
    assert "TASKMANAGER_QUEUE_LIMIT" in applied.stderr
    commands.variables["QUEUE_LIMIT"] = "off"
    assert commands.worker().stop() == 0


async def test_what_is_sent_without_a_reply_is_done_and_asking_later_with_its_id_gives_the_stored_response(
    commands: Commands,
) -> None:
    worker = await asyncio.to_thread(commands.worker)
    token = await asyncio.to_thread(commands.log_in)
    asked: dict[str, Any] = {"action": "create_task", "data": {"title": "Once"}, "token": token, "id": "forgotten"}
    async with Client(commands.settings.amqp_url, topology=commands.topology) as client:
        assert await client.send(**asked) == "forgotten"
        await asyncio.to_thread(worker.says, "ok: forgotten v1.create_task")
        first, again = [await client.ask(**asked) for _ in range(2)]
        assert first.body == again.body
        assert first.reply.data["title"] == "Once"
        assert await _titles(client, token) == {"Once"}
        await asyncio.to_thread(worker.says, "idem-replay: forgotten v1.create_task", count=2)
    assert worker.output.count(" ok: forgotten v1.create_task") == 1
    assert worker.output.count(" idem-replay: forgotten v1.create_task") == 2


def test_a_worker_waits_for_a_broker_that_is_not_there_and_can_be_stopped_meanwhile(
    commands: Commands, unused_tcp_port: int
) -> None:
    address = commands.variables["AMQP_URL"]
    commands.variables["AMQP_URL"] = f"amqp://guest:guest@127.0.0.1:{unused_tcp_port}/"
    worker = commands.start("worker")
    worker.says("cannot reach the broker")
    assert worker.stop() == 0
    commands.variables["AMQP_URL"] = address


def test_postgresql_is_migrated_on_demand_only(commands: Commands, postgres_url: str) -> None:
    commands.variables |= {"DATABASE_URL": postgres_url, "JWT_SECRET": "thirty-two bytes that nobody will guess"}
    refused = commands.start("worker")
    assert refused.ends() == 2
    assert "run `taskmanager db upgrade`, or start the worker with --migrate" in refused.output
    assert "no tables, this version needs" in commands.run("db", "current").stdout
    worker = commands.worker("--migrate")
    token = commands.log_in()
    assert commands.call("create_task", token=token, title="On PostgreSQL")["title"] == "On PostgreSQL"
    assert commands.run("db", "upgrade").stdout.startswith("The database is already at revision")
    assert worker.stop() == 0
    assert not (commands.folder / "taskmanager.db").exists()


def test_a_worker_behind_a_pooler_deletes_what_it_shall_and_nothing_else(commands: Commands, postgres_url: str) -> None:
    with pgbouncer(postgres_url, "transaction") as url:
        commands.variables |= {"DATABASE_URL": url, "JWT_SECRET": "thirty-two bytes that nobody will guess"}
        worker = commands.worker("--migrate")
        worker.says("the database is behind a pooler: limits go with each transaction, no statement is prepared")
        token = commands.log_in()
        tasks = [commands.call("create_task", token=token, title=f"Task {number}")["id"] for number in range(30)]
        for kept, deleted in zip(tasks[::2], tasks[1::2], strict=True):
            assert commands.call("get_task", token=token, task_id=kept)["id"] == kept
            commands.call("delete_task", token=token, task_id=deleted)
        left = [task["id"] for task in commands.call("list_tasks", token=token, limit=100)]
        assert sorted(left) == tasks[::2]
        assert worker.stop() == 0


def test_postgresql_without_a_secret_is_refused(commands: Commands, postgres_url: str) -> None:
    commands.variables["DATABASE_URL"] = postgres_url
    refused = commands.start("worker")
    assert refused.ends() == 2
    assert "TASKMANAGER_JWT_SECRET: needed with PostgreSQL" in refused.output
    del commands.variables["DATABASE_URL"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_postgresql_that_is_not_there_is_waited_for_until_a_stop_is_wanted(
    commands: Commands, unused_tcp_port: int, how: signal.Signals, processes: str
) -> None:
    commands.variables |= {
        "DATABASE_URL": f"postgresql://postgres:hush-hush@127.0.0.1:{unused_tcp_port}/none",
        "JWT_SECRET": "thirty-two bytes that nobody will guess",
    }
    waiting = commands.start("worker", "--processes", processes)
    waiting.says("waiting for the database: The database does not answer", count=2)
    assert waiting.stop(how) == 0
    assert waiting.output.splitlines()[-1].endswith(" stopped")
    assert "Traceback" not in waiting.output
    assert "hush-hush" not in waiting.output
    other = commands.run("db", "upgrade")
    assert other.returncode == 3
    assert "The database does not answer" in other.stderr


def test_a_worker_goes_on_as_soon_as_postgresql_is_there(commands: Commands, private_postgres: PrivatePostgres) -> None:
    private_postgres.stop()
    commands.variables |= {
        "DATABASE_URL": private_postgres.url,
        "JWT_SECRET": "thirty-two bytes that nobody will guess",
    }
    worker = commands.start("worker", "--migrate")
    worker.says("waiting for the database: The database does not answer")
    private_postgres.start()
    worker.says(f"consuming {commands.topology.requests}")
    assert worker.stop() == 0


def test_a_postgresql_that_refuses_the_connection_for_good_is_not_waited_for(
    commands: Commands, postgres_url: str
) -> None:
    commands.variables |= {
        "DATABASE_URL": f"{postgres_url}_of_nobody",
        "JWT_SECRET": "thirty-two bytes that nobody will guess",
    }
    refused = commands.start("worker")
    assert refused.ends() == 3
    assert "does not exist" in refused.output
    assert "waiting" not in refused.output


def test_two_workers_share_the_queue(commands: Commands) -> None:
    commands.worker()
    commands.worker()

    def consumers() -> int | None:
        return asyncio.run(report_queues(commands.settings.amqp_url, commands.topology))[0].consumers

    wait_until(lambda: consumers() == 2, "two consumers")
