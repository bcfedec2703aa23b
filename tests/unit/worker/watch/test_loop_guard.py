"""A thread that notices when the event loop does not turn any more."""

import asyncio
import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from leveret.process.exit_codes import DEAF
from leveret.worker.watch.loop_guard import TICKS, LoopGuard
from testbed.waiting import wait_until

LIMIT = 20.0

STUBBORN = """
import logging, sys, threading
from datetime import timedelta
from leveret.process.exit_codes import DEAF
from leveret.worker.watch.loop_guard import end_process, end_process_within

class Blocked(logging.Handler):
    def emit(self, record):
        threading.Event().wait()

if "blocked" in sys.argv:
    logging.getLogger().addHandler(Blocked())
    import leveret.worker.watch.loop_guard as guard
    guard._SPEAKING = 0.1
if "words" in sys.argv:
    logging.basicConfig(format="%(levelname)s %(message)s")
    end_process("100% of it hangs")
else:
    end_process_within(timedelta(milliseconds=100))
threading.Event().wait()
"""


def test_a_loop_that_hangs_is_noticed_and_the_words_say_where() -> None:
    words: list[str] = []
    noticed = threading.Event()

    def end(text: str) -> None:
        words.append(text)
        noticed.set()

    def hang() -> None:
        assert noticed.wait(LIMIT)

    async def main() -> None:
        with LoopGuard(timedelta(milliseconds=120), end):
            hang()

    asyncio.run(main())
    (text,) = words
    assert text.startswith("deaf: the event loop has been hanging for 0.12 s, in ")
    assert "< hang (test_loop_guard.py:" in text
    assert "< main (test_loop_guard.py:" in text


async def test_a_loop_that_turns_is_left_alone() -> None:
    words: list[str] = []
    guard = LoopGuard(timedelta(seconds=1.2), words.append)
    with guard:
        async with asyncio.timeout(LIMIT):
            while guard._beats < 3 * TICKS:  # noqa: ASYNC110 - beats of a timer, of which nobody tells
                await asyncio.sleep(0.01)
    assert words == []


async def test_nothing_is_left_of_a_guard_that_has_done_its_duty() -> None:
    before = set(threading.enumerate())  # a guard of the test before may not have ended yet: its exit does not wait
    with LoopGuard(timedelta(seconds=10)) as guard:
        (its_own,) = [thread for thread in set(threading.enumerate()) - before if thread.name == "loop-guard"]
    beats = guard._beats
    await asyncio.to_thread(wait_until, lambda: not its_own.is_alive(), "its thread's end")
    assert guard._beats == beats


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["words"], "CRITICAL 100% of it hangs\n"), (["words", "blocked"], ""), (["silent"], "")],
)
def test_a_process_ends_whatever_its_threads_and_its_log_do(arguments: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STUBBORN, *arguments], capture_output=True, text=True, check=False, timeout=LIMIT
    )
    assert (done.returncode, done.stderr) == (DEAF, said)
