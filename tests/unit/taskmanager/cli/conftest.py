"""The command in this process changes what Ctrl-C does; the tests' own Ctrl-C stays."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def interrupt_as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)
