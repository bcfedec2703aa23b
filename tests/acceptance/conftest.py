"""The real command, on the tests' broker, with an SQLite file."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import Commands
from support.projects import Project


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


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a new project; nobody changes it."""
    place = Project(tmp_path_factory.mktemp("new"), "MY_SHOP_")
    done = place.leveret("new", "my-shop")
    assert done.returncode == 0, done.stderr
    return place.folder / "my-shop"


@pytest.fixture
def shop(made: Path, broker: object, prefix: str, tmp_path: Path) -> Iterator[Project]:
    """A copy of it, with queues for one test."""
    shutil.copytree(made, tmp_path / "my-shop")
    variables = {
        "AMQP_URL": broker.url,  # type: ignore[attr-defined]  # either kind of broker has it
        "QUEUE_PREFIX": prefix,
        "RETRY_DELAY": "100ms",
    }
    project = Project(tmp_path / "my-shop", "MY_SHOP_", variables)
    yield project
    project.clear()
