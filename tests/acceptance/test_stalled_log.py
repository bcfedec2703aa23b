"""A log that nobody reads stops no worker: a terminal that is held, a collector that hangs."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pytest

from leveret.client import BlockingClient
from support.command import COMMAND, LIMIT, Commands

SIZE = 4096
"""Bytes that the pipe takes before a writer waits, the least that Linux gives; a request's line has about 100."""
REQUESTS = 200


@contextmanager
def worker(commands: Commands, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A worker whose log goes into a small pipe, and the end of it that nobody reads yet."""
    commands.make_queues()
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, SIZE)
    with os.fdopen(reader, "rb") as read:
        with os.fdopen(writer, "wb") as write:
            process = subprocess.Popen(
                [*COMMAND, "worker", *arguments],
                stdin=subprocess.DEVNULL,
                stderr=write,
                cwd=commands.folder,
                env=commands.environment,
            )
        try:
            yield process, read
        finally:
            process.terminate()
            process.wait(LIMIT)


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_log_that_nobody_reads_stops_no_worker_and_loses_no_line(
    commands: Commands, form: str, processes: str
) -> None:
    commands.variables["LOG_FORMAT"] = form
    with worker(commands, "--processes", processes) as (_, log):
        with BlockingClient(commands.settings.amqp_url, topology=commands.topology) as client:
            for number in range(REQUESTS):
                client.ask("health_check", id=f"request-{number:03d}.", timeout=LIMIT)
        seen: list[bytes] = []
        while sum(b"ok: request-" in line for line in seen) < REQUESTS:
            seen.append(log.readline())
    answered = [number for number in range(REQUESTS) if any(b"request-%03d." % number in line for line in seen)]
    assert answered == list(range(REQUESTS))
    assert not any(b"missing here" in line for line in seen)


def test_a_worker_whose_log_nobody_reads_stops_when_it_is_told_to(commands: Commands) -> None:
    with worker(commands) as (process, log):
        with BlockingClient(commands.settings.amqp_url, topology=commands.topology) as client:
            for _ in range(REQUESTS):
                client.ask("health_check", timeout=LIMIT)
        process.terminate()
        assert process.wait(LIMIT) == 0
        assert b"worker for" in log.readline()
