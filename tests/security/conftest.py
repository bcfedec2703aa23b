"""The real command on both databases, as attackers meet it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import Commands
from support.serving import Broker


@pytest.fixture(params=["sqlite", "postgresql"])
def commands(request: pytest.FixtureRequest, broker: Broker, prefix: str, tmp_path: Path) -> Iterator[Commands]:
    """Commands in a folder of their own, with queues of their own, once on SQLite and once on PostgreSQL."""
    variables = {
        "AMQP_URL": broker.url,
        "QUEUE_PREFIX": prefix,
        "RETRY_DELAY": "200ms",
        "ALLOW_SIMULATED_ERRORS": "true",
        "JWT_SECRET": "a secret of the security tests, long enough",
    }
    if request.param == "postgresql":
        variables["DATABASE_URL"] = str(request.getfixturevalue("postgres_url"))
    commands = Commands(tmp_path, variables)
    yield commands
    commands.clear()
