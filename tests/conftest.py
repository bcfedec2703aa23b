"""Servers that the tests share. None of them is optional: without one, a test fails and says how to install it."""

import gc
import os
import secrets
import signal
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import pytest

from leveret.devbroker import DevBroker, answers
from leveret.process.garbage import without_collection
from testbed.postgres import PostgresServer, PrivatePostgres

# A shell lets what it starts in the background ignore SIGINT and SIGQUIT, and nohup lets it ignore SIGHUP. The programs
# that tests start would inherit that, and these signals would not end them.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.platform != "win32":
    for number in (signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Search the thousands of tests for garbage neither while they are collected, a quarter of that time, nor later."""
    with without_collection():
        collected = yield
    gc.freeze()
    return collected


@dataclass(frozen=True)
class NamedBroker:
    """A broker that somebody else runs, at TASKMANAGER_TEST_AMQP_URL and TASKMANAGER_TEST_MANAGEMENT_URL."""

    url: str
    management_url: str | None


@pytest.fixture(scope="session")
def broker() -> Iterator[DevBroker | NamedBroker]:
    """A RabbitMQ for all tests, with its management page; each test has queues of its own on it (see `prefix`)."""
    if url := os.environ.get("TASKMANAGER_TEST_AMQP_URL"):
        if not answers(url):
            pytest.fail("no AMQP broker answers at TASKMANAGER_TEST_AMQP_URL")
        yield NamedBroker(url, os.environ.get("TASKMANAGER_TEST_MANAGEMENT_URL"))
        return
    with DevBroker(management=True) as node:
        yield node


@pytest.fixture
def private_broker() -> Iterator[DevBroker]:
    """A RabbitMQ for one test only, which may kill and restart it."""
    with DevBroker() as node:
        yield node


@pytest.fixture
def prefix() -> str:
    """A short text, different in each test, for the names of the test's queues."""
    return f"t{secrets.token_hex(4)}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for all tests; each test makes its own databases on it."""
    if url := os.environ.get("TASKMANAGER_TEST_POSTGRES_URL"):
        yield PostgresServer(url)
        return
    with PrivatePostgres() as cluster:
        yield cluster


@pytest.fixture
def private_postgres() -> Iterator[PrivatePostgres]:
    """A PostgreSQL for one test only, which may stop and start it."""
    with PrivatePostgres() as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The SQLAlchemy URL of an empty PostgreSQL database, dropped after the test."""
    with postgres.database() as url:
        yield url
