"""`taskmanager topology users`: what is printed, and what is made at the broker."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest

from leveret.broker.granting import apply_users
from leveret.broker.queues import apply_topology
from leveret.broker.users import BrokerUser, worker_permissions
from leveret.devbroker import DevBroker
from support.broker_users import Operator
from support.command import Commands


@pytest.fixture
def operator(broker: DevBroker, commands: Commands) -> Iterator[Operator]:
    operator = Operator(broker.url, broker.management_url)
    yield operator
    for kind in ("caller", "worker"):
        operator.management.remove_user(f"{commands.topology.prefix}-{kind}")


def test_the_commands_to_paste_are_printed_and_nothing_is_asked(commands: Commands) -> None:
    elsewhere = {"QUEUE_PREFIX": "api", "AMQP_URL": "amqp://a:hush-hush@nowhere/my%20vhost"}
    done = replace(commands, variables=elsewhere).run("topology", "users", "--caller", "web")
    lines = [shlex.split(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert lines[0] == ["rabbitmqctl", "add_user", "web"]
    assert lines[1] == ["rabbitmqctl", "set_permissions", "-p", "my vhost", "web", "^$", r"^api\.direct$", "^$"]
    assert lines[2] == ["rabbitmqctl", "add_user", "api-worker"]
    assert lines[3][5].startswith(r"^(api\.direct|api\.requests|")
    assert len(lines) == 4
    assert "hush-hush" not in done.stdout


def test_users_are_made_once_their_passwords_are_shown_once_and_they_can_work(
    commands: Commands, operator: Operator
) -> None:
    prefix, page = commands.topology.prefix, operator.management_url.replace("http://", "http://guest@")
    unasked = commands.run("topology", "users", "--apply", page)
    assert unasked.returncode == 2
    assert "set TASKMANAGER_BROKER_ADMIN_PASSWORD to the password of guest" in unasked.stderr
    commands.variables["BROKER_ADMIN_PASSWORD"] = operator.administrator.password
    made = commands.run("topology", "users", "--apply", page)
    assert made.returncode == 0, made
    passwords = dict(re.findall(r"^password of (\S+), shown only now: (\S+)$", made.stdout, re.MULTILINE))
    assert set(passwords) == {f"{prefix}-caller", f"{prefix}-worker"}
    again = commands.run("topology", "users", "--apply", page)
    assert "password" not in again.stdout
    assert again.stdout.count("existed already") == 2

    acting = {
        name: replace(commands, variables=commands.variables | {"AMQP_URL": operator.as_user(name, password)})
        for name, password in passwords.items()
    }
    acting[f"{prefix}-worker"].worker()
    caller = acting[f"{prefix}-caller"]
    assert caller.call("health_check")["status"] == "ok"
    for refused in (["queues", "--purge", commands.topology.dead_letters, "--yes"], ["topology", "apply"]):
        done = caller.run(*refused)
        assert done.returncode == 3
        assert "ACCESS_REFUSED" in done.stderr
        assert done.stderr.endswith(". Connect as a user who may do that, or give this user the permission\n")


def test_a_worker_that_may_not_read_its_queue_ends_with_3_and_says_why(commands: Commands, operator: Operator) -> None:
    topology, name = commands.topology, f"{commands.topology.prefix}-worker"
    asyncio.run(apply_topology(commands.settings.amqp_url, topology))
    blind = msgspec.structs.replace(worker_permissions(topology), read=f"^{re.escape(topology.exchange)}$")
    user = BrokerUser(name, blind, "secret")
    list(apply_users(operator.address, operator.administrator, operator.amqp.vhost, [user]))
    limited = replace(commands, variables=commands.variables | {"AMQP_URL": operator.as_user(name, "secret")})
    worker = limited.start("worker")
    assert worker.ends() == 3
    last = worker.output.splitlines()[-1]
    assert "cannot work: channel closed: ACCESS_REFUSED" in last
    assert f"'{topology.requests}'" in last
    assert "Traceback" not in worker.output


def test_passwords_that_are_set_are_used_and_never_shown(commands: Commands, operator: Operator) -> None:
    commands.variables |= {"BROKER_CALLER_PASSWORD": "for-callers", "BROKER_WORKER_PASSWORD": "for-workers"}
    commands.variables["BROKER_ADMIN_PASSWORD"] = operator.administrator.password
    page = operator.management_url.replace("http://", "http://guest@")
    done = commands.run("topology", "users", "--apply", page)
    assert done.returncode == 0
    assert not re.search("for-callers|for-workers|password", done.stdout + done.stderr)
    url = operator.as_user(f"{commands.topology.prefix}-worker", "for-workers")
    assert "consuming" in replace(commands, variables=commands.variables | {"AMQP_URL": url}).worker().output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--apply", "nowhere"], 2, "--apply: an address begins with http:// or https://"),
        (["--apply", "http://127.0.0.1:1"], 2, "name an administrator of the broker"),
        (["--apply", "http://a:hush-hush@127.0.0.1:1"], 2, "set TASKMANAGER_BROKER_ADMIN_PASSWORD"),
        (["--apply", "http://a@127.0.0.1:1"], 3, "Is the management plugin enabled"),
        (["--caller", "same", "--worker", "same"], 2, "each needs a user of its own"),
    ],
)
def test_wrong_use_and_no_answer_are_told(commands: Commands, arguments: list[str], code: int, words: str) -> None:
    commands.variables["BROKER_ADMIN_PASSWORD"] = "hush-hush"
    done = commands.run("topology", "users", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert "hush-hush" not in done.stderr
    assert "Traceback" not in done.stderr
