"""Where a client's requests go: the queues as a second argument."""

from typing import Any

import pytest

from leveret import BlockingClient, Client, Topology

BROKER = "amqp://localhost"
GUESTBOOK = Topology("guestbook")


@pytest.mark.parametrize("kind", [Client, BlockingClient])
def test_queues_and_topology_are_two_names_of_one_argument(kind: Any) -> None:
    with pytest.raises(TypeError, match="queues and topology are two names of one argument: give one of them"):
        kind(BROKER, "guestbook", topology=GUESTBOOK)
    kind(BROKER, GUESTBOOK), kind(BROKER, "guestbook"), kind(BROKER, topology=GUESTBOOK)
