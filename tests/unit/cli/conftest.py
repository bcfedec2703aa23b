"""What a command changes in the process that runs it is as it was when the test has ended."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """A command that has ended lets Ctrl-C end the process, which would end other tests."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)
