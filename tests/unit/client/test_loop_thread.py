"""An event loop in a thread."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from leveret.client.loop_thread import LoopStopped, LoopThread, outcome_of


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


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_what_ends_a_program_ends_neither_the_loop_nor_the_other_work(loop: LoopThread, error: BaseException) -> None:
    began, go_on = threading.Event(), asyncio.Event()

    async def fail() -> None:
        raise error

    async def wait() -> int:
        began.set()
        await go_on.wait()
        return 7

    async def release() -> None:
        go_on.set()

    with ThreadPoolExecutor(2) as threads:
        waiting = threads.submit(loop.run, wait)
        assert began.wait(10)
        failing = threads.submit(loop.run, fail)
        assert failing.exception(10) is error
        threads.submit(loop.run, release)
        assert waiting.result(10) == 7


def test_what_ends_a_program_does_not_keep_the_loop_from_being_stopped(loop: LoopThread) -> None:
    began = threading.Barrier(4)

    async def wait() -> None:
        try:
            await asyncio.to_thread(began.wait, 10)
            await asyncio.Event().wait()
        finally:
            raise SystemExit(3)

    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(loop.run, wait) for _ in range(3)]
        began.wait(10)
        loop.stop()
        assert [str(each.exception(10)) for each in waiting] == ["3", "3", "3"]


class Late(Future[int]):
    """A future that ends just after a wait for it has ended."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__()
        self._error = error

    def result(self, timeout: float | None = None) -> int:
        if not self.done():
            if self._error is None:
                self.set_result(7)
            else:
                self.set_exception(self._error)
            raise TimeoutError
        return super().result(timeout)


def test_a_result_that_comes_right_after_a_wait_has_ended_is_no_timeout() -> None:
    assert outcome_of(Late(None), lambda: None) == 7
    with pytest.raises(TimeoutError, match="of the work itself"):
        outcome_of(Late(TimeoutError("of the work itself")), lambda: None)


def test_who_waits_looks_up_now_and_then() -> None:
    future: Future[int] = Future()
    assert outcome_of(future, lambda: future.set_result(7), every=0.001) == 7


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
        loop.run(lambda: double(1))  # a coroutine that is never awaited would cause a warning
