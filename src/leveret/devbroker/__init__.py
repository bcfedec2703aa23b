"""Private RabbitMQ nodes, each in its own folder, for demonstrations and tests."""

from leveret.devbroker.errors import BrokerFailed, BrokerMissing
from leveret.devbroker.lasting import LastingBroker
from leveret.devbroker.node import DevBroker
from leveret.devbroker.probe import answers

__all__ = ["BrokerFailed", "BrokerMissing", "DevBroker", "LastingBroker", "answers"]
