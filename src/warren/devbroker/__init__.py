"""A private RabbitMQ node in a folder of its own, for demonstrations and tests."""

from warren.devbroker.installation import BrokerMissing
from warren.devbroker.lasting import LastingBroker
from warren.devbroker.node import BrokerFailed, DevBroker
from warren.devbroker.probe import answers

__all__ = ["BrokerFailed", "BrokerMissing", "DevBroker", "LastingBroker", "answers"]
