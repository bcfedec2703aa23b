"""`conformance`: our workers, and client programs with six libraries, do what the protocol says."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from leveret.contracts.conformance.checks import failed
from leveret.contracts.conformance.client import check_client
from leveret.contracts.conformance.program import ClientProgram
from support.command import Commands

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "examples" / "clients"
JARS = [f"/usr/share/java/{name}.jar" for name in ("amqp-client", "slf4j-api", "gson")]
PROGRAMS = {
    "python_leveret.py": f"{sys.executable} {CLIENTS}/python_leveret.py",
    "python_pika.py": f"{sys.executable} {CLIENTS}/python_pika.py",
    "node_amqplib.mjs": f"node {CLIENTS}/node_amqplib.mjs",
    "node_rabbitmq_client.mjs": f"node {CLIENTS}/node_rabbitmq_client.mjs",
    "php_amqplib.php": f"php {CLIENTS}/php_amqplib.php",
    "JavaRabbitmq.java": f"java -cp {':'.join([f'{ROOT}/.run/clients/java', *JARS])} JavaRabbitmq",
}
"""Each program with the command that starts it; `scripts/ensure-clients` installs what they need."""


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_client_program_does_what_the_protocol_says(program: str, broker: Any) -> None:
    checks = await check_client(broker.url, partial(ClientProgram, PROGRAMS[program]), lambda _: None)
    assert failed(checks) == [], "if a program is missing: scripts/ensure-clients"
    assert len(checks) == 29


def test_every_program_is_tried_and_has_at_most_60_lines() -> None:
    found = {path for path in CLIENTS.iterdir() if path.suffix in {".py", ".mjs", ".php", ".java"}}
    assert {path.name for path in found} == PROGRAMS.keys()
    assert {path.name: lines for path in found if (lines := len(path.read_text().splitlines())) > 60} == {}


def test_the_npm_packages_are_pinned_without_an_address_of_a_registry() -> None:
    lock = json.loads((CLIENTS / "package-lock.json").read_text())
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert packages.keys() >= {"node_modules/amqplib", "node_modules/rabbitmq-client"}
    assert all({"version", "integrity"} <= each.keys() and "resolved" not in each for each in packages.values())


def test_our_worker_does_what_the_protocol_says_and_the_command_ends_with_0(commands: Commands) -> None:
    commands.variables["RATE_LIMIT"] = "off"
    commands.worker()
    writing = ["--writing", "create_task", "--data", '{"title": "Task $n"}', "--token", commands.log_in()]
    done = commands.run("conformance", *writing)
    assert done.returncode == 0, done.stdout
    *lines, conclusion = done.stdout.splitlines()
    assert conclusion.endswith(" passed, 0 failed, 0 not tried")
    assert len(lines) > 150
    assert "pass  requests: a name that stands twice" in lines
    assert done.stderr == ""
    kept = commands.run("letters", "list", "--json")
    assert (kept.returncode, kept.stdout) == (0, ""), "the letters of the run were taken out again"


def test_json_has_every_check_and_what_was_not_tried_is_named(commands: Commands) -> None:
    commands.worker()
    done = commands.run("conformance", "--json", "--prefetch", "1")
    found = json.loads(done.stdout)
    assert (done.returncode, found["well"]) == (1, False)
    states = {(each["rule"], each["name"]): each["state"] for each in found["checks"]}
    held = ("share", "requests that workers hold at once")
    assert [name for name, state in states.items() if state == "fail"] == [held]
    assert {name for name, state in states.items() if state == "skip"} == {("idempotency", "all"), ("tokens", "all")}


def test_a_client_program_that_fails_is_reported_in_lines_and_ends_with_1(commands: Commands, broker: Any) -> None:
    mute = f"{sys.executable} -c 'raise SystemExit(7)'"
    done = commands.run("conformance", broker.url, "--client", mute)
    assert (done.returncode, done.stderr) == (1, "")
    *lines, conclusion = done.stdout.splitlines()
    ended = "the program has ended with exit code 7: it wrote no error"
    assert lines[0] == f"fail  client: a result: expected ['result'], seen {ended}"
    assert conclusion == "0 passed, 19 failed, 0 not tried"


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["http://127.0.0.1"], 2, "URL: "),
        (["--client", "no-such-program-anywhere"], 2, "--client: no-such-program-anywhere cannot be started"),
        (["--client", "'"], 2, "--client: "),
        (["--writing", "create_task", "--data", "[1]"], 2, "--data"),
        (["--limit", "0.5"], 3, "queue"),
        (["amqp://127.0.0.1:1"], 3, "Connection refused"),
    ],
)
def test_what_cannot_be_checked_is_said_in_one_line(
    commands: Commands, arguments: list[str], code: int, text: str
) -> None:
    done = commands.run("conformance", *arguments)
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
