"""One process of a command that starts again when files have changed."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from leveret.process.reloading import Reloader
from support.serving import until

LIMIT = 20.0
UNTIL_THE_INPUT_ENDS = "sys.stdin.read(); write('ended')"


class Changes:
    """Files that change when a test says so."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[list[str]] = asyncio.Queue()

    def report(self, *paths: str) -> None:
        self._queue.put_nowait(list(paths))

    async def change(self) -> list[str]:
        return await self._queue.get()


class Story:
    """What the processes have written: the lines of a file, in their order."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "story.txt"
        self.path.touch()

    @property
    def words(self) -> list[str]:
        return [line.partition(" ")[0] for line in self.path.read_text().splitlines()]

    def command(self, what: str) -> list[str]:
        """Return a program that writes that it has started, and then does something."""
        start = (
            "import os, sys\n"
            "def write(word):\n"
            f"    with open({str(self.path)!r}, 'a') as file: file.write(f'{{word}} {{os.getpid()}}\\n')\n"
            f"starts = open({str(self.path)!r}).read().count('started')\n"
            "write('started')\n"
        )
        return [sys.executable, "-c", f"{start}{what}"]

    async def says(self, *words: str) -> None:
        await until(lambda: self.words == list(words), f"{words}", limit=LIMIT)


def compile_nothing(source: Path) -> Path:
    """Make an empty file where Python keeps what it has compiled of a file, and return its path."""
    compiled = Path(cache_from_source(str(source)))
    compiled.parent.mkdir()
    compiled.touch()
    return compiled


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


@asynccontextmanager
async def running(reloader: Reloader) -> AsyncIterator[None]:
    """Run it until the block ends, and then wait until it has stopped."""
    stop = asyncio.Event()
    task = asyncio.create_task(reloader.run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, LIMIT)


async def test_a_process_ends_before_the_next_one_starts(changes: Changes, story: Story) -> None:
    async with running(Reloader(story.command(UNTIL_THE_INPUT_ENDS), changes.change)):
        await story.says("started")
        changes.report("a.py")
        await story.says("started", "ended", "started")
    assert story.words == ["started", "ended", "started", "ended"]


async def test_what_changes_while_a_process_comes_to_its_end_makes_no_further_start(
    changes: Changes, story: Story, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    wait = f"import time\nsys.stdin.read()\nwhile starts == 0 and not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    async with running(Reloader(story.command(f"{wait}write('ended')"), changes.change)):
        await story.says("started")
        changes.report("a.py")
        changes.report("b.py")
        await until(changes._queue.empty, "the second change", limit=LIMIT)
        gate.touch()
        await story.says("started", "ended", "started")
    assert story.words == ["started", "ended", "started", "ended"]


async def test_after_a_final_exit_code_only_a_change_helps(
    changes: Changes, story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.reloading")
    what = f"sys.exit(2) if starts == 0 else 0\n{UNTIL_THE_INPUT_ENDS}"
    async with running(Reloader(story.command(what), changes.change, final=(2, 3))):
        await until(lambda: "waiting for a change" in caplog.messages, "the wait", limit=LIMIT)
        assert story.words == ["started"]
        changes.report("/somewhere/a.py", "b.py", "c.py", "d.py", "e.py")
        await story.says("started", "started")
    assert "a.py, b.py, c.py and 2 more changed: the worker starts again" in caplog.messages


async def test_a_process_that_dies_is_started_again_after_growing_pauses(
    changes: Changes, story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "leveret.reloading")
    async with running(Reloader(story.command("sys.exit(5)"), changes.change)):
        await until(lambda: len(caplog.messages) == 3, "three ends", limit=LIMIT)
    assert all("ended with exit code 5; started again in" in message for message in caplog.messages)
    pauses = [float(message.split()[-2]) for message in caplog.messages]
    assert pauses[2] > pauses[0]


async def test_one_that_does_not_stop_is_killed_within_the_limit(changes: Changes, story: Story) -> None:
    hang = "import time\nwhile starts == 0: time.sleep(1)\n"
    reloader = Reloader(story.command(hang + UNTIL_THE_INPUT_ENDS), changes.change, limit=timedelta(milliseconds=50))
    async with running(reloader):
        await story.says("started")
        changes.report("a.py")
        await story.says("started", "started")


async def test_what_python_compiled_of_a_changed_file_is_gone_before_the_start(
    changes: Changes, story: Story, tmp_path: Path
) -> None:
    source = tmp_path / "a.py"
    compiled = compile_nothing(source)
    what = f"write('stale' if os.path.exists({str(compiled)!r}) else 'fresh')\n{UNTIL_THE_INPUT_ENDS}"
    async with running(Reloader(story.command(what), changes.change)):
        await story.says("started", "stale")
        changes.report(str(source))
        await story.says("started", "stale", "ended", "started", "fresh")


async def test_the_process_gets_its_environment(changes: Changes, story: Story) -> None:
    what = f"write(os.environ['WORD'])\n{UNTIL_THE_INPUT_ENDS}"
    environment = {**os.environ, "WORD": "hello"}
    async with running(Reloader(story.command(what), changes.change, environment=environment)):
        await story.says("started", "hello")


async def test_an_error_of_the_watch_ends_the_process_and_is_raised(story: Story) -> None:
    async def change() -> list[str]:
        await until(lambda: story.words == ["started"], "the start", limit=LIMIT)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        await asyncio.wait_for(Reloader(story.command(UNTIL_THE_INPUT_ENDS), change).run(asyncio.Event()), LIMIT)
    assert story.words == ["started", "ended"]


async def test_a_command_that_is_not_there_is_an_error(changes: Changes, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nothing_here"):
        await Reloader([str(tmp_path / "nothing_here")], changes.change).run(asyncio.Event())
