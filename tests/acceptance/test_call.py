"""`taskmanager call`: what it prints, and each of its exit codes."""

import json
import re
from contextlib import suppress

import pytest

from leveret.client import BlockingClient
from leveret.errors import Overloaded
from support.command import Commands


def test_a_result_is_printed_on_one_line_and_ends_with_0(commands: Commands) -> None:
    commands.worker()
    done = commands.run("call", "health_check", "--id", "first")
    assert done.returncode == 0
    assert done.stdout == '{"correlation_id":"first","status":"ok","data":{"status":"ok"},"error":null}\n'
    assert done.stderr == ""


def test_an_error_response_is_printed_and_ends_with_1(commands: Commands) -> None:
    commands.worker()
    done = commands.run("call", "list_tasks")
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "unauthenticated"
    assert commands.run("call", "no_such_action").returncode == 1


def test_data_comes_from_the_command_line_or_from_the_input_and_the_token_beside_it(commands: Commands) -> None:
    commands.worker()
    token = commands.log_in()
    done = commands.run(
        "call", "create_task", "--version", "v2", "--token", token, "--data", "-",
        given='{"title": "Größe prüfen", "priority": "high"}'.encode(),
    )  # fmt: skip
    assert done.returncode == 0, done
    created = json.loads(done.stdout)["data"]
    assert (created["title"], created["priority"]) == ("Größe prüfen", "high")
    assert commands.call("get_task", token=f"Bearer {token}", task_id=created["id"])["title"] == "Größe prüfen"


def test_asking_again_with_the_same_id_prints_the_same_bytes(commands: Commands) -> None:
    worker = commands.worker()
    token = commands.log_in()
    asked = ["call", "create_task", "--token", token, "--id", "once", "--data", '{"title": "Once"}']
    first, second = commands.run(*asked), commands.run(*asked)
    assert first.stdout == second.stdout
    worker.says("ok: once v1.create_task")
    worker.says("idem-replay: once v1.create_task")
    assert len(commands.call("list_tasks", token=token)) == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--data", "{"], "--data cannot be used: it is not JSON"),
        (["--id", ""], "Field id: expected 1 to 128 printable ASCII characters"),
    ],
)
def test_wrong_use_ends_with_2(commands: Commands, arguments: list[str], text: str) -> None:
    done = commands.run("call", "health_check", *arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_all_wrong_settings_are_named_at_once_and_end_with_2(commands: Commands) -> None:
    commands.variables |= {"RETRY_DELAY": "soon", "MAX_RETRIES": "-1", "PREFETC": "3"}
    done = commands.run("call", "health_check")
    assert done.returncode == 2
    assert done.stderr.startswith("taskmanager: 3 settings cannot be used:")
    for name in ("TASKMANAGER_RETRY_DELAY", "TASKMANAGER_MAX_RETRIES", "did you mean TASKMANAGER_PREFETCH?"):
        assert name in done.stderr
    del commands.variables["RETRY_DELAY"], commands.variables["MAX_RETRIES"], commands.variables["PREFETC"]


def test_an_address_that_only_the_driver_finds_wrong_ends_with_2_and_hides_the_password(commands: Commands) -> None:
    address = commands.variables["AMQP_URL"]
    commands.variables["AMQP_URL"] = "amqp://guest:hush-hush@127.0.0.1/?no_such_option=1"
    commands.variables["RETRY_DELAY"] = "soon"
    done = commands.run("call", "health_check")
    commands.variables["AMQP_URL"] = address
    del commands.variables["RETRY_DELAY"]
    assert done.returncode == 2
    assert re.search("TASKMANAGER_AMQP_URL: .*an option is not known: there are heartbeat", done.stderr)
    assert "no_such_option" not in done.stderr, "it may be a part of a password"
    assert "TASKMANAGER_RETRY_DELAY: " in done.stderr, "all wrong settings are named at once"
    assert "hush-hush" not in done.stderr


def test_a_full_queue_is_an_error_response_with_the_code_overloaded_and_ends_with_1(commands: Commands) -> None:
    commands.variables["QUEUE_LIMIT"] = "2"
    commands.make_queues()
    with BlockingClient(commands.settings.amqp_url, topology=commands.topology) as client, suppress(Overloaded):
        while True:
            client.send("health_check")
    done = commands.run("call", "health_check", "--id", "refused")
    assert done.returncode == 1
    response = json.loads(done.stdout)
    assert (response["correlation_id"], response["status"], response["code"]) == ("refused", "error", "overloaded")
    assert response["details"]["retry_after"] >= 1.0
    assert done.stderr == ""


def test_no_response_in_time_ends_with_3_and_names_action_id_and_time(commands: Commands) -> None:
    commands.make_queues()
    done = commands.run("call", "health_check", "--id", "unheard", "--timeout", "0.3")
    assert done.returncode == 3
    assert "v1.health_check unheard has no reply within 0.3 s" in done.stderr
    assert done.stdout == ""


def test_a_broker_without_our_queues_ends_with_3_and_says_what_is_missing(commands: Commands) -> None:
    done = commands.run("call", "health_check")
    assert done.returncode == 3
    assert "topology" in done.stderr


def test_no_broker_and_a_wrong_password_end_with_3_in_one_line_without_the_password(
    commands: Commands, unused_tcp_port: int
) -> None:
    address = commands.variables["AMQP_URL"]
    wrong = address.replace("guest:guest@", "guest:hush-hush@")
    for url in (f"amqp://guest:hush-hush@127.0.0.1:{unused_tcp_port}/", wrong):
        commands.variables["AMQP_URL"] = url
        done = commands.run("call", "health_check")
        assert done.returncode == 3
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "hush-hush" not in done.stderr
    commands.variables["AMQP_URL"] = address
