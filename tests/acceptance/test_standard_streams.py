"""Every command with standard streams that are closed, full or without a reader: words, an exit code, no traceback."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import IO, Any

import pytest
from typer.main import get_command

from leveret.amqp import Message, Properties
from leveret.broker.connecting import connected
from leveret.letters.filters import LetterFilter
from leveret.operate.operations import RedriveOptions, open_operations
from leveret.operate.record import Cause
from support.command import COMMAND, LIMIT, Commands
from support.tokens import key_set, oct_jwk
from taskmanager.cli.command import command

PRINTS = [
    "--help",
    "--version",
    "version",
    "call health_check",
    "send health_check",
    "queues",
    "queues --purge {requests} --yes",
    "topology show",
    "topology show --json",
    "topology apply",
    "topology users",
    "letters redrive --all",
    "letters discard --all --yes",
    "letters restore --all",
    "letters export out-{number}.jsonl --all",
    "letters note 0123456789abcdef text",
    "letters pause {running}",
    "letters resume {paused}",
    "letters index",
    "letters edit --all --set title=x --dry-run",
    "letters show lost",
    "explain lost",
    "recorder",
    "console user remove user-{number}",
    "doctor",
    "db upgrade",
    "db current",
    "admin grant ada@example.com",
    "admin revoke ada@example.com",
    "keys show",
    "keys add new-{number}",
    "keys secret new-{number}",
    "clients python",
    "clients typescript --output client-{number}",
    "docs openapi",
    "docs openapi --output openapi-{number}.json",
    "docs asyncapi",
    "docs jsonschema",
    "docs contract",
    "docs contract --output contract-{number}.json",
    "keys sign 0",
    "keys remove {number}",
]
"""Commands that print, and end with 0 where somebody reads; ``{...}`` is filled in."""

SILENT = {
    "letters": 0,
    "letters list": 0,
    "letters groups": 0,
    "letters history": 0,
    "letters notes": 0,
    "letters archive": 0,
    "letters operations": 0,
    "console user list": 0,
    "console user add nobody": 2,
    "console --host 0.0.0.0": 2,
    "letters import keys.json --yes": 1,
    "worker --supervised": 0,
    "call health_check --timeout 0": 2,
    "db revision": 2,
    "conformance nonsense": 2,
    "docs diff nonsense": 2,
    "compare --only nonsense": 2,
}
"""Commands that print nothing to standard output, with their exit codes: no letters, no input, wrong use."""

STARTS = ("demo", "broker", "dev", "console --port 0")
LOGGED_STARTS = ("gateway --port 0", "gateway --direct --port 0")
"""Commands that would run until somebody stops them, and whose first line says where."""

KEYS = 100
NUMBERS = itertools.cycle(range(1, KEYS))


def names(group: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The names of all commands, groups that do something by themselves among them."""
    if not hasattr(group, "commands"):
        yield " ".join(path)
        return
    if getattr(group, "invoke_without_command", False):
        yield " ".join(path)
    for name in group.commands:
        yield from names(group.commands[name], (*path, name))


def test_the_tables_name_every_command() -> None:
    tried = [*PRINTS, *SILENT, *STARTS, *LOGGED_STARTS]
    missing = [
        name for name in names(get_command(command.typer)) if name and not any(each.startswith(name) for each in tried)
    ]
    assert missing == []


@pytest.fixture
def prepared(commands: Commands, line: str) -> Commands:
    """Commands in a folder with what the tried one needs: keys, and where it needs them a worker and a user."""
    commands.variables |= {"JWT_KEYS": "keys.json", "JWT_SECRET": "s" * 32}
    keys = [oct_jwk(bytes([number]) * 32, kid=str(number)) for number in range(KEYS)]
    commands.folder.joinpath("keys.json").write_bytes(key_set(*keys))
    if line.startswith(("call", "admin")):
        commands.worker()
        commands.log_in()
    else:
        commands.make_queues()
        commands.make_tables()
    prepare_letters(commands, line)
    return commands


def prepare_letters(commands: Commands, line: str) -> None:
    """Have a letter or a recording, where a command is about one."""
    if line.endswith("lost"):
        asyncio.run(publish(commands, "lost"))
    if line == "recorder":
        commands.variables["RECORDER"] = "on"
        assert commands.worker().stop() == 0


async def publish(commands: Commands, name: str) -> None:
    """Put a message that no worker wrote into the queue of letters and into their stream."""
    async with connected(commands.settings.amqp_url) as connection:
        channel = await connection.channel(confirms=True)
        properties = Properties(correlation_id=name)
        for place in (commands.topology.dead_letters, commands.topology.letters_stream):
            await channel.publish(Message(b"{}", place, properties=properties))


def operation(commands: Commands, *, running: bool) -> str:
    """Plan an operation without letters, and return its id; somebody runs it, or nobody does."""
    settings = replace(commands.settings, database_url=commands.database_url)
    with open_operations(commands.application, settings) as operations:
        view = operations.plan(Cause(by="ada"), LetterFilter(), RedriveOptions(), [])
        if running:
            operations.claim(view.id, "somebody", Cause(by="ada"))
    return view.id


def filled_in(commands: Commands, line: str) -> str:
    """Return the line of a command with what it is about, which is made for it."""
    number = next(NUMBERS)
    found: dict[str, object] = {"requests": commands.topology.requests, "number": number}
    for name in ("running", "paused"):
        if f"{{{name}}}" in line:
            found[name] = operation(commands, running=name == "running")
    if line.startswith("console user remove"):
        made = commands.run("console", "user", "add", f"user-{number}", given=b"correct horse battery\n")
        assert made.returncode == 0, made.stderr
    return line.format(**found)


NOBODY_READS = "| nobody"
STATES = {
    NOBODY_READS: (141, ""),
    "> /dev/full": (4, "taskmanager: the output could not be written: No space left on device\n"),
    "<&- >&- 2>&-": (4, ""),
}
"""What is done to the streams, and how a command that prints and would end with 0 ends."""

MORE_STATES = {
    "> /dev/full 2> /dev/full": (4, ""),
    ">&-": (4, "taskmanager: the output could not be written: Bad file descriptor\n"),
    "2>&-": (0, ""),
    "<&-": (0, ""),
}
"""Tried with one command of each way of printing: tables, JSON, lines."""


@contextmanager
def output(state: str) -> Iterator[IO[bytes] | int]:
    """Standard output before the shell redirects it: the null device, or a pipe whose reader is gone."""
    if state != NOBODY_READS:
        yield subprocess.DEVNULL
        return
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stream:
        yield stream


def end_of(commands: Commands, line: str, state: str) -> tuple[int, str]:
    """Run a command through a shell that sets its streams up; return the exit code and what it says of errors."""
    redirect = "" if state == NOBODY_READS else state
    line = filled_in(commands, line)
    with output(state) as stream:
        done = subprocess.run(
            ["/bin/sh", "-c", f'exec "$@" {redirect}', "sh", *COMMAND, *line.split()],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.PIPE,
            cwd=commands.folder,
            env=commands.environment,
            timeout=2 * LIMIT,
            check=False,
        )
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize("line", PRINTS)
def test_a_command_that_prints_says_when_it_cannot(prepared: Commands, line: str) -> None:
    for state, expected in STATES.items():
        assert end_of(prepared, line, state) == expected, state


@pytest.mark.parametrize("line", ["topology show", "call health_check", "db current"])
def test_each_way_of_printing_knows_each_state(prepared: Commands, line: str) -> None:
    for state, expected in MORE_STATES.items():
        assert end_of(prepared, line, state) == expected, state


@pytest.mark.parametrize(("line", "code"), SILENT.items())
def test_a_command_that_prints_nothing_does_not_care(prepared: Commands, line: str, code: int) -> None:
    for state in STATES:
        ended, text = end_of(prepared, line, state)
        assert ended == code, (state, text)
        assert "Traceback" not in text
        assert "Exception ignored" not in text


@pytest.mark.parametrize("line", STARTS)
def test_a_command_that_would_run_on_does_not_when_nobody_can_read_where(commands: Commands, line: str) -> None:
    commands.variables["JWT_SECRET"] = "s" * 32
    for state, expected in STATES.items():
        assert end_of(commands, line, state) == expected, state


@pytest.mark.parametrize("line", LOGGED_STARTS)
def test_a_command_that_logs_ends_in_order_when_nobody_can_read_where(commands: Commands, line: str) -> None:
    commands.variables["JWT_SECRET"] = "s" * 32
    for state, (code, _) in STATES.items():
        ended, text = end_of(commands, line, state)
        assert ended == code, (state, text)
        assert "Traceback" not in text


def test_an_output_that_does_not_block_is_waited_for(commands: Commands) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with os.fdopen(reader, "rb") as read, os.fdopen(writer, "wb") as write:
        while True:  # fill the pipe
            try:
                os.write(write.fileno(), b" " * 4096)
            except BlockingIOError:
                break
        with subprocess.Popen([*COMMAND, "topology", "show"], stdout=write, env=commands.environment) as process:
            write.close()
            assert "at-least-once" in read.read().decode()
            assert process.wait(LIMIT) == 0


def test_a_terminal_of_ascii_gets_escapes(commands: Commands) -> None:
    commands.folder.joinpath("schlüssel.json").write_text('{"keys": []}')
    variables = {"PYTHONIOENCODING": "ascii", "TASKMANAGER_JWT_KEYS": "schlüssel.json"}
    done = subprocess.run(
        [*COMMAND, "keys", "show"],
        capture_output=True,
        cwd=commands.folder,
        env=commands.environment | variables,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"ssel.json: none" in done.stdout
