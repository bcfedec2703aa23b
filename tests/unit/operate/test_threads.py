"""A function that hangs keeps nobody from ending."""

import asyncio
import threading

import pytest

from leveret.operate.threads import in_thread


async def test_what_the_function_returns_or_raises_comes_back() -> None:
    assert await in_thread(lambda: threading.current_thread().daemon) is True
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)


def test_a_function_that_hangs_is_left_behind() -> None:
    release = threading.Event()

    async def wait() -> None:
        async with asyncio.timeout(0.02):
            await in_thread(release.wait)

    with pytest.raises(TimeoutError):
        asyncio.run(wait())
    release.set()
