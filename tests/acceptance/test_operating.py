"""What operators use: topology, queues, letters, db, admin, broker, --version."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path
from urllib.request import urlopen

import pytest

from leveret.amqp import Connection
from leveret.broker.queues import apply_topology, report_queues
from leveret.client import BlockingClient
from leveret.devbroker import answers
from leveret.topology import DELIVERY_LIMIT
from support.command import Commands, RunningCommand, children
from testbed.waiting import is_alive, wait_until, wait_until_left


def depths(commands: Commands) -> list[int | None]:
    reports = asyncio.run(report_queues(commands.settings.amqp_url, commands.topology))
    return [report.messages for report in reports]


def write_letters(commands: Commands, count: int) -> None:
    """Have requests become dead letters; the callers hear of it."""
    commands.variables["MAX_RETRIES"] = "0"
    worker = commands.worker()
    with BlockingClient(commands.settings.amqp_url, topology=commands.topology) as client:
        for number in range(count):
            received = client.ask("health_check", {"simulate_temp_error": True}, id=f"doomed-{number}")
            assert received.reply.code in ("retries_exhausted", "internal")
    assert worker.stop() == 0
    wait_until(lambda: depths(commands) == [0, 0, count], "the letters")


def test_the_version_and_the_help_of_every_command_are_there(commands: Commands) -> None:
    assert re.fullmatch(r"taskmanager (\d+\.\d+\.\d+|.*not installed)\n", commands.run("--version").stdout)
    listed = commands.run("--help")
    assert listed.returncode == 0
    for name in ("demo", "worker", "call", "queues", "letters", "topology", "db", "admin", "broker"):
        assert f" {name} " in listed.stdout


def test_the_topology_is_shown_without_asking_the_broker(commands: Commands) -> None:
    topology = commands.topology
    shown = commands.run("topology", "show")
    assert shown.returncode == 0
    assert "x-dead-letter-strategy: 'at-least-once'" in shown.stdout
    assert topology.exchange in shown.stdout
    document = json.loads(commands.run("topology", "show", "--json").stdout)
    assert [exchange["name"] for exchange in document["exchanges"]] == [topology.exchange]
    assert [queue["name"] for queue in document["queues"]] == [queue.name for queue in topology.queues]
    assert {queue["arguments"]["x-delivery-limit"] for queue in document["queues"]} == {DELIVERY_LIMIT}
    streams = [f"{topology.requests}.{name}" for name in ("letters", "status")]
    assert [each["name"] for each in document["copies"]["streams"]] == streams
    assert topology.letters_stream in shown.stdout
    assert depths(commands) == [None, None, None]


def test_no_streams_are_shown_where_they_are_switched_off(commands: Commands) -> None:
    commands.variables |= {"LETTERS_STREAM": "off"}
    document = json.loads(commands.run("topology", "show", "--json").stdout)
    assert "copies" not in document
    assert document["queues"][0]["arguments"]["x-dead-letter-exchange"] == ""


def test_the_topology_is_applied_and_applied_again(commands: Commands) -> None:
    for _ in range(2):
        done = commands.run("topology", "apply")
        assert done.returncode == 0, done
        for queue in commands.topology.queues:
            assert f"queue {queue.name}: {queue.purpose}; 0 messages, 0 consumers" in done.stdout
        for stream in commands.topology.streams:
            assert f"stream {stream.name}: {stream.purpose}\n" in done.stdout
        assert done.stderr == ""
        assert "guest:guest" not in done.stdout


def test_a_queue_with_other_arguments_is_named_and_ends_with_3(commands: Commands) -> None:
    async def declare_otherwise() -> None:
        connection = await Connection.open(commands.settings.amqp_url)
        channel = await connection.channel()
        await channel.declare_queue(commands.topology.dead_letters, arguments={"x-queue-type": "classic"})
        await connection.close()

    asyncio.run(declare_otherwise())
    done = commands.run("topology", "apply")
    assert done.returncode == 3
    assert f"queue '{commands.topology.dead_letters}' exists with other arguments: x-queue-type is" in done.stderr
    assert "Traceback" not in done.stderr


def test_queues_that_are_not_there_are_said_to_be_missing(commands: Commands) -> None:
    done = commands.run("queues")
    assert done.returncode == 0
    assert done.stdout.count("not there") == 3


def test_letters_are_shown_and_stay_and_are_purged_only_when_told_to(commands: Commands) -> None:
    write_letters(commands, 2)
    dlq = commands.topology.dead_letters
    for _ in range(2):
        shown = [json.loads(line) for line in commands.run("letters").stdout.splitlines()]
        assert [letter["correlation_id"] for letter in shown] == ["doomed-0", "doomed-1"]
        assert shown[0]["letter"]["reason"] == "retries exhausted: simulated temporary error"
    assert len(commands.run("letters", "--most", "1").stdout.splitlines()) == 1
    unasked = commands.run("queues", "--purge", dlq)
    assert unasked.returncode == 2
    assert "add --yes, because there is no terminal to ask on" in unasked.stderr
    foreign = commands.run("queues", "--purge", "somebody.elses", "--yes")
    assert foreign.returncode == 2
    assert "'somebody.elses' is not one of our queues" in foreign.stderr
    assert depths(commands) == [0, 0, 2]
    row = next(line for line in commands.run("queues").stdout.splitlines() if dlq in line)
    assert row.split()[3:6:2] == ["2", "0"]
    assert commands.run("queues", "--purge", dlq, "--yes").stdout == f"{dlq}: 2 messages dropped\n"
    assert depths(commands) == [0, 0, 0]


def test_on_a_terminal_a_purge_asks_first(commands: Commands) -> None:
    write_letters(commands, 1)
    dlq = commands.topology.dead_letters
    assert "Nothing was dropped." in commands.answer("n", "queues", "--purge", dlq)
    assert depths(commands) == [0, 0, 1]
    assert f"{dlq}: 1 message dropped" in commands.answer("y", "queues", "--purge", dlq)
    assert depths(commands) == [0, 0, 0]


def test_no_broker_ends_every_command_with_3(commands: Commands, unused_tcp_port: int) -> None:
    address = commands.variables["AMQP_URL"]
    commands.variables["AMQP_URL"] = f"amqp://guest:hush-hush@127.0.0.1:{unused_tcp_port}/"
    for arguments in (["queues"], ["topology", "apply"], ["letters"]):
        done = commands.run(*arguments)
        assert done.returncode == 3
        assert done.stderr.startswith("taskmanager: ")
        assert "hush-hush" not in done.stderr
        assert "Traceback" not in done.stderr
    commands.variables["AMQP_URL"] = address


def test_the_database_is_brought_to_this_version_once(commands: Commands) -> None:
    assert commands.run("db", "current").stdout.startswith("no tables, this version needs")
    assert commands.run("db", "upgrade").stdout.startswith("The database is now at revision")
    assert commands.run("db", "upgrade").stdout.startswith("The database is already at revision")
    assert commands.run("db", "current").stdout.endswith("which this version needs\n")


def test_an_administrator_sees_all_figures_until_revoked(commands: Commands) -> None:
    commands.worker()
    commands.log_in("other@example.com")
    token = commands.log_in()
    assert commands.call("stats", version="v2", token=token)["users"] is None
    assert "is an administrator now" in commands.run("admin", "grant", "Ada@Example.com").stdout
    assert commands.call("stats", version="v2", token=token)["users"] == 2
    assert commands.run("admin", "revoke", "ada@example.com").returncode == 0
    assert commands.call("stats", version="v2", token=token)["users"] is None
    unknown = commands.run("admin", "grant", "nobody@example.com")
    assert unknown.returncode == 1
    assert "No user has the email nobody@example.com" in unknown.stderr
    assert commands.run("admin", "grant", "no email").returncode == 2


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_private_broker_runs_in_the_foreground_and_leaves_nothing(commands: Commands, how: signal.Signals) -> None:
    broker = commands.start("broker")
    broker.says("Ctrl-C ends it.")
    assert answers(address(broker))
    with urlopen(broker.output.split("management page")[1].split()[0], timeout=10) as page:
        assert b"RabbitMQ Management" in page.read()
    started = children(broker.process.pid)
    folders = {
        folder for pid in started for folder in [Path(f"/proc/{pid}/cwd").readlink()] if "leveret" in folder.name
    }
    assert folders
    assert broker.stop(how) == 0
    assert not any(folder.exists() for folder in folders)
    assert not answers(address(broker))
    assert not any(map(is_alive, started))


def test_a_private_broker_with_a_folder_comes_back_with_its_data(commands: Commands) -> None:
    first = commands.start("broker", "--folder", "node")
    first.says("Ctrl-C ends it.")
    asyncio.run(apply_topology(address(first), commands.topology))
    second = commands.start("broker", "--folder", "node")
    assert second.ends() == 3
    assert "a node runs in node already" in second.output
    assert first.stop() == 0
    again = commands.start("broker", "--folder", "node")
    again.says("Ctrl-C ends it.")
    assert address(again) == address(first)
    assert [report.messages for report in asyncio.run(report_queues(address(again), commands.topology))] == [0, 0, 0]
    assert again.stop() == 0
    wait_until_left(commands.folder / "node")


def address(broker: RunningCommand) -> str:
    return next(line.split()[1] for line in broker.output.splitlines() if line.startswith("broker "))
