"""Programs that run until something asks them to stop."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from leveret.process.interrupts import interruptible
from leveret.process.running import run

PROGRAM = """
import asyncio, sys
from leveret.process import running

async def main(stop):
    print("ready", type(asyncio.get_running_loop()).__module__, flush=True)
    await stop.wait()
    print("stopped", flush=True)
    if "stuck" in sys.argv:
        await asyncio.Event().wait()
    return 7

running.ORPHAN_LIMIT = running.timedelta(milliseconds=50)
sys.exit(running.run(main, stop_with_input="with-input" in sys.argv))
"""
LIMIT = 20.0


def start(*arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ready ")
    return process


def ends(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=LIMIT)
    return process.returncode, output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_it_and_its_result_is_kept(number: signal.Signals) -> None:
    process = start()
    process.send_signal(number)
    assert ends(process) == (7, "stopped\n")


def test_the_end_of_the_input_stops_it_when_that_is_wanted() -> None:
    process = start("with-input")
    assert ends(process) == (7, "stopped\n")


def test_the_end_of_the_input_means_nothing_otherwise() -> None:
    process = start()
    assert process.stdin is not None
    process.stdin.close()
    process.stdin = None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.2)
    process.terminate()
    assert ends(process) == (7, "stopped\n")


def test_a_program_that_does_not_end_after_its_input_is_ended() -> None:
    process = start("with-input", "stuck")
    assert ends(process) == (70, "stopped\n")


def test_uvloop_is_used_where_it_is() -> None:
    async def loop_kind(_stop: asyncio.Event) -> str:
        return type(asyncio.get_running_loop()).__module__

    pytest.importorskip("uvloop")
    assert run(loop_kind) == "uvloop"


def test_a_hang_up_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        process = start()
        process.send_signal(signal.SIGHUP)
        with interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
        process.terminate()
        assert ends(process) == (7, "stopped\n")
    finally:
        signal.signal(signal.SIGHUP, before)
