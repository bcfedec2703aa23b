"""Several processes of one command that are kept running."""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from leveret.process.processes import supervise
from support.serving import until

LIMIT = 20.0
UNTIL_THE_INPUT_ENDS = "sys.stdin.read(); (here / f'{os.getpid()}.ended').touch()"


def command(folder: Path, what: str) -> list[str]:
    """Return a program that reports its start, and then does something."""
    start = (
        f"import os, sys, pathlib; here = pathlib.Path({str(folder)!r}); (here / f'{{os.getpid()}}.started').touch()"
    )
    return [sys.executable, "-c", f"{start}; {what}"]


def count(folder: Path, kind: str) -> int:
    return len(list(folder.glob(f"*.{kind}")))


async def test_as_many_as_wanted_run_and_end_with_their_input(tmp_path: Path) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(supervise(command(tmp_path, UNTIL_THE_INPUT_ENDS), 3, stop))
    await until(lambda: count(tmp_path, "started") == 3, "three starts")
    assert count(tmp_path, "ended") == 0
    stop.set()
    assert await asyncio.wait_for(running, LIMIT) == 0
    assert count(tmp_path, "started") == count(tmp_path, "ended") == 3


async def test_one_that_dies_is_started_again_after_growing_pauses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "leveret.processes")
    stop = asyncio.Event()
    running = asyncio.create_task(supervise(command(tmp_path, "sys.exit(5)"), 1, stop))
    await until(lambda: len(caplog.messages) == 3, "three ends")
    stop.set()
    assert await asyncio.wait_for(running, LIMIT) == 0
    assert all("ended with exit code 5; started again in" in message for message in caplog.messages)
    pauses = [float(message.split()[-2]) for message in caplog.messages]
    assert pauses == sorted(pauses)
    assert pauses[2] > pauses[0]


async def test_a_final_exit_code_ends_the_others_and_is_returned(tmp_path: Path) -> None:
    what = f"first = len(list(here.glob('*.started'))) == 1; sys.exit(3) if not first else 0; {UNTIL_THE_INPUT_ENDS}"
    ended = await asyncio.wait_for(supervise(command(tmp_path, what), 2, asyncio.Event(), final=(3,)), LIMIT)
    assert ended == 3
    assert count(tmp_path, "started") == 2


async def test_one_that_does_not_stop_is_killed_within_the_limit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stop = asyncio.Event()
    deaf = command(tmp_path, "import threading; threading.Event().wait(60)")
    running = asyncio.create_task(supervise(deaf, 1, stop, limit=timedelta(milliseconds=100)))
    await until(lambda: count(tmp_path, "started") == 1, "the start")
    stop.set()
    assert await asyncio.wait_for(running, LIMIT) == 0
    assert "did not stop within 0.1 s: killed" in caplog.text


async def test_a_command_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await supervise([str(tmp_path / "no-such-program")], 2, asyncio.Event())


async def test_nothing_is_left_when_the_supervising_task_is_cancelled(tmp_path: Path) -> None:
    running = asyncio.create_task(supervise(command(tmp_path, UNTIL_THE_INPUT_ENDS), 2, asyncio.Event()))
    await until(lambda: count(tmp_path, "started") == 2, "two starts")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert count(tmp_path, "ended") == 2
