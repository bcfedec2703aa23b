"""An event loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from warren.client.loop_thread import LoopStopped, LoopThread


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    loop = LoopThread("loop of a test")
    yield loop
    loop.stop()


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


def test_results_come_back_to_the_thread_that_asked(loop: LoopThread) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda n: loop.run(lambda: double(n)), range(100))) == [2 * n for n in range(100)]


@pytest.mark.parametrize("error", [ValueError("no"), TimeoutError("too long")])
def test_errors_come_back_too_a_timeout_of_the_work_itself_included(loop: LoopThread, error: Exception) -> None:
    async def fail() -> None:
        raise error

    with pytest.raises(type(error), match=str(error)):
        loop.run(fail)


def test_stopping_ends_the_thread_and_what_still_runs(loop: LoopThread) -> None:
    began, ended = threading.Event(), threading.Event()

    async def wait() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(loop.run, wait)
        assert began.wait(10)
        loop.stop()
        assert ended.is_set()
        with pytest.raises(LoopStopped):
            waiting.result(10)
    assert "loop of a test" not in [thread.name for thread in threading.enumerate()]


def test_a_stopped_loop_takes_no_work_and_may_be_stopped_again(loop: LoopThread) -> None:
    loop.stop()
    loop.stop()
    with pytest.raises(LoopStopped, match="stopped"):
        loop.run(lambda: double(1))  # a coroutine that was made and never awaited would be a warning
