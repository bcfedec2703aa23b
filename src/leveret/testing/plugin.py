"""The pytest plugin: fixtures ``broker``, ``app`` and ``app_client``. Nothing is imported until one of them is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from leveret.application import Application
    from leveret.testing import BlockingTestClient, Broker

_INI = "leveret_app"
_NO_APP = (
    "which application? Name it in pytest's configuration as leveret_app = shop:app, or in pyproject.toml as "
    '[tool.leveret] app = "shop:app", or write a fixture app that returns it'
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini option that names the application."""
    parser.addini(_INI, "the application of the fixture app_client, as module:app", default="")


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A private RabbitMQ node for all tests of this run: ``broker.url``."""
    from leveret.testing import Broker, BrokerFailed, BrokerMissing  # noqa: PLC0415 - only who uses it pays for it

    node = Broker()
    try:
        node.start()
    except (BrokerMissing, BrokerFailed) as error:
        pytest.fail(str(error), pytrace=False)
    yield node
    node.stop()


@pytest.fixture(scope="session")
def app(pytestconfig: pytest.Config) -> Application[Any]:
    """The application that pytest's configuration or pyproject.toml names; a project may have its own fixture."""
    from leveret.cli.finding.target import Target, split_target  # noqa: PLC0415 - only who uses it pays for it
    from leveret.errors import SettingsError  # noqa: PLC0415 - the same

    named = str(pytestconfig.getini(_INI))
    try:
        target = Target(named, folder=pytestconfig.rootpath) if named else split_target([], pytestconfig.rootpath)[1]
        if target.text:
            return target.load()
    except SettingsError as error:
        pytest.fail(str(error), pytrace=False)
    pytest.fail(_NO_APP, pytrace=False)


@pytest.fixture
def app_client(app: Application[Any]) -> Iterator[BlockingTestClient]:
    """A client of the application, without a broker, for one test: ``app_client.call("sign", {"name": "Ada"})``."""
    from leveret.testing import TestClient  # noqa: PLC0415 - only who uses it pays for it

    with TestClient(app) as client:
        yield client
