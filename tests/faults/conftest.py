"""A broker for scenes that leave it whole."""

from collections.abc import Iterator

import pytest

from warren.devbroker import DevBroker


@pytest.fixture(scope="package")
def node() -> Iterator[DevBroker]:
    with DevBroker() as broker:
        yield broker
