"""Private RabbitMQ nodes, each in its own folder, for demonstrations and tests."""

from leveret.devbroker.errors import BrokerFailed, BrokerMissing, BrokerRuns
from leveret.devbroker.lasting import LastingBroker, RunningNode, kept_url, running_node
from leveret.devbroker.node import DevBroker
from leveret.devbroker.probe import answers

__all__ = [
    "BrokerFailed",
    "BrokerMissing",
    "BrokerRuns",
    "DevBroker",
    "LastingBroker",
    "RunningNode",
    "answers",
    "kept_url",
    "running_node",
]
