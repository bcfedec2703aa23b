"""The real command, on the tests' broker, with an SQLite file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import Commands


@pytest.fixture
def commands(broker: object, prefix: str, tmp_path: Path) -> Iterator[Commands]:
    """The command, with a folder and queues for one test."""
    variables = {
        "AMQP_URL": broker.url,  # type: ignore[attr-defined]  # either kind of broker has it
        "QUEUE_PREFIX": prefix,
        "RETRY_DELAY": "100ms",
        "ALLOW_SIMULATED_ERRORS": "true",
    }
    commands = Commands(tmp_path, variables)
    yield commands
    commands.clear()
