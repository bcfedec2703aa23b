"""What a long-lived process does with memory, each case in a new process."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from leveret.process.garbage import without_collection

TESTS = Path(__file__).resolve().parents[2]

HASHING = """
import asyncio
from support.memory import memory_of
from taskmanager.passwords import Passwords
from leveret.process.garbage import live_long

async def hash_two_at_once(passwords):
    with passwords.place() as one, passwords.place() as other:
        await asyncio.gather(one.hash("secret"), other.hash("secret"))

async def main():
    live_long()
    with Passwords() as passwords:
        before = memory_of()
        for _ in range(4):
            await hash_two_at_once(passwords)
        print((memory_of() - before) // 2**20)

asyncio.run(main())
"""


def output_of(program: str) -> str:
    environment = {"PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is asked")
def test_the_memory_of_hashed_passwords_goes_back_to_the_system() -> None:
    assert int(output_of(HASHING)) < 8  # MiB; one hash takes 19


def test_what_a_process_has_imported_is_not_searched_for_garbage() -> None:
    program = """
import gc, leveret.worker, leveret.process.garbage
leveret.process.garbage.live_long()
print(gc.get_freeze_count())
"""
    assert int(output_of(program)) > 10_000


def test_the_collector_works_again_after_imports_without_it() -> None:
    with without_collection():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    program = """
import gc, leveret.process.garbage
gc.disable()
with leveret.process.garbage.without_collection():
    pass
print(gc.isenabled())
"""
    assert output_of(program) == "False\n"
