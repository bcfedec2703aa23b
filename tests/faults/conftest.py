"""A broker for scenes that leave it whole."""

from collections.abc import Iterator

import pytest

from faults.node import Node


@pytest.fixture(scope="package")
def node() -> Iterator[Node]:
    with Node() as broker:
        yield broker
